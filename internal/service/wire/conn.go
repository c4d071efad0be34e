package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Limits of what waits in one connection.
const (
	// maxQueued bounds the bytes that wait, besides the largest message,
	// because the other side does not read: then it is given up.
	maxQueued = 1 << 20
	// chunk is how much is read at a time.
	chunk = 64 << 10
	// patience is how long the rest of a frame may take.
	patience = 10 * time.Second
	// spare is how many descriptors may be there without their frame.
	spare = 2 * maxDescriptors
)

// ErrSlow is the error of a connection whose other side does not read.
var ErrSlow = errors.New("the other side does not read its messages")

// Frame is a received message and what came with it. Whoever gets it closes
// the descriptors.
type Frame struct {
	Message     Message
	Descriptors []*sys.FD
}

// Close closes the descriptors that were not taken.
func (f *Frame) Close() {
	for _, fd := range f.Descriptors {
		fd.Close()
	}
}

// Take removes and returns descriptor i; nil when there is none.
func (f *Frame) Take(i int) *sys.FD {
	if i >= len(f.Descriptors) {
		return nil
	}
	fd := f.Descriptors[i]
	f.Descriptors[i] = nil
	return fd
}

// Budget is asked before a connection holds more bytes of frames that are not
// complete, or that the other side does not read; a negative number gives back.
// False ends the connection. It must not use the connection.
type Budget func(bytes int) bool

// Conn sends and receives messages. One goroutine receives; any may send.
type Conn struct {
	stream *sys.Stream
	budget Budget
	held   int // asked of the budget

	in  []byte    // received and not complete
	fds []*sys.FD // received, in order

	mu      sync.Mutex
	queue   []packet // waits for room
	queued  int
	charged int // asked of the budget for the queue
	flushes bool
	failed  error
	work    sync.WaitGroup
}

// NewConn makes a connection of a connected AF_UNIX stream socket, which it
// owns. budget may be nil.
func NewConn(fd *sys.FD, budget Budget) (*Conn, error) {
	stream, err := sys.NewStream(fd, nil)
	if err != nil {
		return nil, err
	}
	if budget == nil {
		budget = func(int) bool { return true }
	}
	return &Conn{stream: stream, budget: budget}, nil
}

// maxPath is what of sun_path is left for a path: a zero byte ends it.
const maxPath = len(unix.RawSockaddrUnix{}.Path) - 1

// Dial connects to a service. Errors are those of connect(2).
func Dial(path string) (*Conn, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("the path of the service's socket has %d bytes, and at most %d fit into an address of AF_UNIX: %w", len(path), maxPath, unix.ENAMETOOLONG)
	}
	fd, err := sys.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Connect(fd.Int(), &unix.SockaddrUnix{Name: path}); err != nil {
		fd.Close()
		return nil, fmt.Errorf("connecting to the service at %s: %w", path, err)
	}
	return NewConn(fd, nil)
}

// maxGroups is how many supplementary groups the kernel allows (setgroups(2)).
const maxGroups = 65536

// Peer returns the credentials of the other side, SO_PEERCRED (unix(7)), and its
// supplementary groups: those of when it connected or listened.
func (c *Conn) Peer() (cred *unix.Ucred, groups []uint32, err error) {
	err = c.stream.Control(func(fd int) (err error) {
		if cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err != nil {
			return err
		}
		for size := 4 * 64; ; size *= 4 {
			list := make([]byte, min(size, 4*maxGroups))
			n, err := sys.GetsockoptRaw(fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS, list)
			if errors.Is(err, unix.ERANGE) && size < 4*maxGroups {
				continue
			}
			for i := 0; err == nil && i+4 <= n; i += 4 {
				groups = append(groups, binary.NativeEndian.Uint32(list[i:]))
			}
			return err
		}
	})
	return cred, groups, err
}

// Hand returns a duplicate of a connection to go on with in another process,
// which must not be used here any more. It is an error when something was
// received that nobody has taken.
func (c *Conn) Hand() (fd *sys.FD, err error) {
	if len(c.in) > 0 || len(c.fds) > 0 {
		return nil, errors.New("the connection has carried messages already")
	}
	err = c.stream.Control(func(n int) error {
		dup, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			fd = sys.Own(dup)
		}
		return err
	})
	return fd, err
}

// Ended reports whether the other side has closed the connection, also when
// nobody receives.
func (c *Conn) Ended() bool {
	ended := true
	_ = c.stream.Control(func(n int) error {
		p := []unix.PollFd{{Fd: int32(n), Events: unix.POLLRDHUP}}
		found, err := unix.Poll(p, 0)
		ended = err == nil && found > 0
		return nil
	})
	return ended
}

// Close ends the connection, waits for its goroutine and closes descriptors
// that were not taken.
func (c *Conn) Close() {
	c.fail(io.ErrClosedPipe)
	c.work.Wait()
}

// fail ends the connection. Descriptors that wait are closed.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.failed != nil {
		c.mu.Unlock()
		return
	}
	c.failed = err
	queue := c.queue
	c.queue = nil
	c.budget(-c.charged)
	c.charged = 0
	c.mu.Unlock()
	// Closing waits for those who are using the stream, who may want the lock.
	c.stream.Close()
	for _, p := range queue {
		p.close()
	}
}

// failure is why the connection has ended, nil before.
func (c *Conn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// Receive returns the next message. io.EOF is an end between two messages.
// After an error, or when ctx is done, the connection is of no use any more.
func (c *Conn) Receive(ctx context.Context) (*Frame, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.stream.SetReadDeadline(time.Unix(1, 0)) })
	frame, err := c.receive()
	if !stop() && err != nil {
		err = ctx.Err()
	}
	if err != nil {
		c.dropReceived()
	}
	return frame, err
}

func (c *Conn) dropReceived() {
	for _, fd := range c.fds {
		fd.Close()
	}
	c.budget(-c.held)
	c.fds, c.in, c.held = nil, nil, 0
}

func (c *Conn) receive() (*Frame, error) {
	waits := false
	for {
		frame, err := c.next()
		if frame != nil || err != nil {
			if waits {
				_ = c.stream.SetReadDeadline(time.Time{})
			}
			return frame, err
		}
		if len(c.in) > 0 && !waits {
			waits = true
			_ = c.stream.SetReadDeadline(time.Now().Add(patience))
		}
		if err := c.read(); err != nil {
			if errors.Is(err, io.EOF) && len(c.in) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// next takes a complete frame from what was received, nil when there is none.
func (c *Conn) next() (*Frame, error) {
	if len(c.in) < headerSize {
		return nil, nil
	}
	n, kind, count := binary.BigEndian.Uint32(c.in), Kind(c.in[4]), int(c.in[5])
	switch {
	case n > maxFields:
		return nil, fmt.Errorf("a message of %d bytes: at most %d are allowed", n, maxFields)
	case count > maxDescriptors:
		return nil, fmt.Errorf("a message with %d descriptors: at most %d are allowed", count, maxDescriptors)
	case c.in[6] != 0 || c.in[7] != 0:
		return nil, errors.New("the header of a message is malformed")
	case newMessage(kind) == nil:
		return nil, fmt.Errorf("there is no message of type %d", kind)
	}
	end := headerSize + int(n)
	if len(c.in) < end {
		return nil, nil
	}
	if count > len(c.fds) {
		return nil, fmt.Errorf("message %v announces %d descriptors, and %d came", kind, count, len(c.fds))
	}
	message, err := decode(kind, c.in[headerSize:end:end])
	if err != nil {
		return nil, err
	}
	frame := &Frame{message, c.fds[:count:count]}
	c.fds = c.fds[count:]
	c.budget(-end)
	c.held -= end
	if c.in = c.in[end:]; len(c.in) == 0 {
		c.in, c.fds = nil, append([]*sys.FD(nil), c.fds...)
	}
	return frame, nil
}
