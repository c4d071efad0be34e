package relay

import (
	"sync"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

const (
	// maxPlaintext is the most a TLS record carries.
	maxPlaintext = record.MaxPlaintext
	// smallSize holds any one record, and what crypto/tls makes of one
	// maxPlaintext while its records are still small.
	smallSize = 20 << 10
	// tinySize is what is in hand, at most, while there is no room for more, and
	// tinyChunk how much plaintext becomes less of records.
	tinySize  = 4 << 10
	tinyChunk = tinySize - 512
	// largeSize is what flows at once when bytes come faster than they can be
	// handed on one record at a time.
	largeSize = 128 << 10
	// largeChunk is how much plaintext becomes less than largeSize of records.
	largeChunk = largeSize - 4<<10
)

// buffer is a queue of bytes of one of three sizes. Buffers are held only while
// bytes are in hand, so that an idle connection costs none.
type buffer struct {
	data []byte
	r, w int // data[r:w] is in hand
}

var (
	smallPool = sync.Pool{New: func() any { return &buffer{data: make([]byte, smallSize)} }}
	tinyPool  = sync.Pool{New: func() any { return &buffer{data: make([]byte, tinySize)} }}
	largePool = sync.Pool{New: func() any { return &buffer{data: make([]byte, largeSize)} }}
)

// getBuffer returns an empty buffer for n bytes; n over largeSize gets that.
func getBuffer(n int) *buffer {
	if n <= smallSize {
		return smallPool.Get().(*buffer)
	}
	return largePool.Get().(*buffer)
}

// getTiny returns an empty buffer of the least size.
func getTiny() *buffer { return tinyPool.Get().(*buffer) }

// release gives the buffer back; the caller must not use it again.
func (b *buffer) release() {
	b.r, b.w = 0, 0
	switch len(b.data) {
	case tinySize:
		tinyPool.Put(b)
	case smallSize:
		smallPool.Put(b)
	default:
		largePool.Put(b)
	}
}

func (b *buffer) bytes() []byte { return b.data[b.r:b.w] }
func (b *buffer) free() []byte  { return b.data[b.w:] }
func (b *buffer) len() int      { return b.w - b.r }

// add appends as much of p as there is room for and returns how much.
func (b *buffer) add(p []byte) int {
	n := copy(b.data[b.w:], p)
	b.w += n
	return n
}

// compact moves what is in hand to the front.
func (b *buffer) compact() {
	if b.r > 0 {
		b.w = copy(b.data, b.data[b.r:b.w])
		b.r = 0
	}
}

// shrink returns the smallest way to keep what is in hand while waiting: nil
// for nothing, else a smaller buffer when that suffices.
func (b *buffer) shrink() *buffer {
	if b.len() == 0 {
		b.release()
		return nil
	}
	var small *buffer
	switch {
	case b.len() <= tinySize && len(b.data) > tinySize:
		small = getTiny()
	case b.len() <= smallSize && len(b.data) > smallSize:
		small = getBuffer(b.len())
	default:
		return b
	}
	small.add(b.bytes())
	b.release()
	return small
}
