package memory

import (
	"encoding/binary"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// end is an endpoint.End, which is not copied: it is one wherever it is held.
type end struct {
	ends     *ends
	id       uint64
	nonblock bool
	delivery string

	mu     sync.Mutex
	room   int
	stream *stream // the program's side, once it is joined
	queue  *queue  // once it can listen
}

func (e *end) ID() (uint64, error)              { return e.id, nil }
func (e *end) Dup() (endpoint.End, error)       { return e, nil }
func (e *end) Close() error                     { return nil } // the program has it
func (e *end) Nonblocking() (bool, error)       { return e.nonblock, nil }
func (e *end) SendLimit() time.Duration         { return 0 }
func (e *end) ReceiveLimit() time.Duration      { return 0 }
func (e *end) TakeLimits(endpoint.End) error    { return nil }
func (e *end) TCP() (*sys.FD, error)            { return nil, endpoint.ErrNotTCP }
func (e *end) Delivery() string                 { return e.delivery }
func (e *end) WriteMark()                       {} // a stream without a descriptor has no guard
func (e *end) Stream() (endpoint.Stream, error) { return e.joined(), nil }
func (e *end) SetOption(_ int, v []byte) error {
	e.SetRoom(int(binary.NativeEndian.Uint32(v)))
	return nil
}
func (e *end) Listen(int) error                     { return nil } // queues have room
func (e *end) Join(int) (endpoint.Plaintext, error) { return e.join(false), nil }
func (e *end) Queue(func()) (endpoint.Queue, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = &queue{end: e}
	return e.queue, nil
}

func (e *end) joined() *stream {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stream
}

// join makes a pair of streams, and returns ours.
func (e *end) join(open bool) *plaintext {
	ours, theirs := pair()
	theirs.out.silent = !open
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stream = theirs
	return &plaintext{stream: ours}
}

func (e *end) SetRoom(size int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.room = size
}

func (e *end) Room() (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return 2 * e.room, nil // as the kernel counts
}

func (e *end) Error() (abi.Errno, error) {
	if s := e.joined(); s != nil {
		return s.takeError(), nil
	}
	return 0, nil
}

func (e *end) Readable() bool {
	s := e.joined()
	return s != nil && s.in.readable()
}

func (e *end) Gone() bool {
	s := e.joined()
	return s != nil && s.in.isOver() && s.out.isOver()
}

func (e *end) CloseWrite() error {
	if s := e.joined(); s != nil {
		return s.CloseWrite()
	}
	return unix.ENOTCONN
}

func (e *end) Cut() {
	if s := e.joined(); s != nil {
		s.Close()
	}
}

// Accept takes a connection from the queue.
func (e *end) Accept() (endpoint.End, error) {
	e.mu.Lock()
	q := e.queue
	e.mu.Unlock()
	return q.take()
}
