package relay

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// Sizes of TLS records.
const (
	headerLen     = record.HeaderLen
	maxCiphertext = record.MaxCiphertext12
)

// wireReader is the receiving half of a Wire. It belongs to one reader at a time.
type wireReader struct {
	in      *buffer // from TCP, not yet given to crypto/tls; nil when none
	left    int     // bytes of the current record still to be given
	inErr   error   // why TCP gives no more, io.EOF for its end
	toldEnd bool    // inErr was given to crypto/tls
	more    bool    // the last read filled its buffer
	handed  []byte  // what a disowned crypto/tls is given to read

	fillFunc func(fd uintptr) bool
}

// Read gives crypto/tls at most the rest of one record.
func (w *Wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.disowned.Load() {
		return w.readHanded(p)
	}
	for w.left == 0 && !w.beginRecord() {
		if w.inErr != nil && w.held() == 0 {
			w.toldEnd = true
			return 0, w.inErr
		}
		if w.relaying.Load() {
			return 0, errWouldBlock
		}
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	for w.held() == 0 { // within a record, in a handshake
		if w.inErr != nil {
			w.toldEnd = true
			return 0, w.inErr
		}
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.in.bytes()[:min(w.left, w.in.len())])
	w.take(n)
	return n, nil
}

// take drops n bytes of the current record, which crypto/tls has now.
func (w *Wire) take(n int) {
	w.left -= n
	w.drop(n)
}

// readHanded gives crypto/tls what was put aside for it.
func (w *Wire) readHanded(p []byte) (int, error) {
	if len(w.handed) == 0 {
		w.handed = nil
		return 0, errWouldBlock
	}
	n := copy(p, w.handed)
	w.handed = w.handed[n:]
	return n, nil
}

// record returns the next record, for whoever has ready and then drops it. At
// the end of TCP a record cut short is that end. An error of the peer's is a
// record.Alert.
func (w *Wire) record() ([]byte, error) {
	n, _ := w.nextRecord()
	if w.held() >= headerLen {
		switch hdr := w.in.bytes(); {
		case hdr[1] != 3 || hdr[2] != 3:
			return nil, record.ProtocolVersion
		case n > headerLen+record.MaxCiphertext:
			return nil, record.RecordOverflow
		case hdr[0] != record.ApplicationData && hdr[0] != record.ChangeCipherSpec:
			return nil, record.UnexpectedMessage
		case w.held() >= n:
			return hdr[:n], nil
		}
	}
	w.toldEnd = true
	return nil, w.inErr
}

// drop forgets n bytes in hand.
func (w *Wire) drop(n int) {
	w.in.r += n
	if w.in.len() == 0 {
		w.in.release()
		w.in = nil
	}
}

// hold keeps what is in hand in a buffer that is no larger than it must be.
func (w *Wire) hold() {
	if w.in != nil {
		w.in = w.in.shrink()
	}
}

// held counts the bytes in hand.
func (i *wireReader) held() int {
	if i.in == nil {
		return 0
	}
	return i.in.len()
}

// beginRecord starts the next record if enough of it is in hand: in a
// handshake its header, later all of it. At the end of TCP whatever is left
// counts as a record, for crypto/tls to find it cut short.
func (w *Wire) beginRecord() bool {
	n, whole := w.nextRecord()
	switch {
	case n == 0:
		return false
	case w.inErr != nil:
		w.left = min(n, w.held())
	case w.relaying.Load() && !whole:
		return false
	default:
		w.left = n
	}
	return true
}

// nextRecord returns the length of the next record with its header, and
// whether there is no use in waiting for more of it. The length is zero when
// not even the header is in hand.
func (w *Wire) nextRecord() (n int, whole bool) {
	if w.held() < headerLen {
		if w.inErr != nil {
			return w.held(), true
		}
		return 0, false
	}
	hdr := w.in.bytes()
	n = headerLen + int(binary.BigEndian.Uint16(hdr[3:]))
	limit := maxCiphertext
	if w.disowned.Load() {
		limit = record.MaxCiphertext
	}
	// These are refused by their header alone.
	hopeless := hdr[0] < record.ChangeCipherSpec || hdr[0] > record.Heartbeat || hdr[1] != 3 ||
		n > headerLen+limit
	return n, hopeless || w.held() >= n
}

// ready says whether crypto/tls can go on without waiting for TCP.
func (w *Wire) ready() bool {
	if w.left > 0 || w.inErr != nil {
		return true
	}
	_, whole := w.nextRecord()
	return whole
}

// await waits until crypto/tls can go on. It holds no buffer while it waits,
// or a small one when a record has begun. The error is that of a deadline, or
// errIdle.
func (w *Wire) await() error {
	for !w.ready() {
		err := w.fill()
		if err != nil {
			err = w.arrivals.waited(err, w.held() > 0)
		} else {
			w.arrivals.reads.Add(1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill takes what TCP has, after waiting for it. TCP's end and errors go to
// inErr; the error returned is for waiting alone.
func (w *Wire) fill() error {
	if w.raw != nil {
		return w.resumed(w.raw.Read(w.fillFunc))
	}
	w.prepareFill()
	n, err := w.tcp.Read(w.in.free())
	if isTimeout(err) {
		w.in = w.in.shrink()
		return err
	}
	w.filled(n, err)
	return nil
}

// fillReady is fill for a descriptor that may be readable.
func (w *Wire) fillReady(fd uintptr) bool {
	w.prepareFill()
	n, err := readFD(fd, w.in.free())
	if errors.Is(err, errAgain) {
		w.in = w.in.shrink()
		w.pause()
		return false
	}
	w.filled(n, err)
	return true
}

// prepareFill makes room to read into: much when bytes are flowing. There is
// some, since what is in hand is less than a record.
func (w *Wire) prepareFill() {
	size := smallSize
	if w.more && w.stalls.room(largeSize) {
		size = largeSize
	}
	switch {
	case w.in == nil:
		w.in = getBuffer(size)
	case len(w.in.data) < size:
		larger := getBuffer(size)
		larger.add(w.in.bytes())
		w.in.release()
		w.in = larger
	default:
		w.in.compact()
	}
}

// filled notes what a read brought.
func (w *Wire) filled(n int, err error) {
	w.more = n == len(w.in.free()) || (w.more && n >= smallSize)
	w.in.w += n
	if n == 0 && err == nil {
		err = io.EOF
	}
	if err != nil {
		w.inErr = err
	}
	if w.in.len() == 0 {
		w.in.release()
		w.in = nil
	}
}
