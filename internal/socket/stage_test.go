package socket

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// stage is an engine that does no TLS: a test says how each handshake and each
// connection ends. It writes nothing to TCP, so that whatever a peer gets is what
// a program wrote, in plain text.
type stage struct {
	begun chan *staged // handshakes under way

	mu   sync.Mutex
	id   uint64
	down bool
	all  []*staged
}

func newStage() *stage { return &stage{begun: make(chan *staged, 16)} }

// staged is one handshake, and the connection that it makes.
type staged struct {
	ctx     context.Context
	verdict chan error // nil: the peer is verified
	relayed chan struct{}
	over    chan struct{} // nothing of it is left

	mu        sync.Mutex
	tcp       engine.Stream
	plain     engine.Stream
	opts      engine.RelayOptions
	done      func(engine.End)
	guarded   bool
	peerEnded bool
	stop      bool
	watched   chan struct{} // closed when the plaintext stream is not read any more
}

func (e *stage) NewID() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.id++
	return e.id
}

func (e *stage) Available(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down {
		return errDown
	}
	return nil
}

func (e *stage) Ready() bool { return true }

// What handshakes and connections fail with, as engine/local and engine/remote do.
var (
	errUntrusted = &engine.Error{Reason: engine.Untrusted, Sentence: "the peer is not who it says"}
	errDown      = &engine.Error{Reason: engine.Down, Sentence: "the service has died"}
	errTruncated = &engine.Error{Reason: engine.Truncated, Sentence: "TCP ended without close_notify"}
	errReset     = &engine.Error{Reason: engine.Network, Sentence: "TCP was reset",
		Err: unix.ECONNRESET}
)

func (e *stage) Handshake(ctx context.Context, tcp engine.Stream,
	_ *engine.Request) (engine.Conn, error) {
	return e.handshake(ctx, tcp)
}

func (e *stage) handshake(ctx context.Context, tcp engine.Stream) (engine.Conn, error) {
	h := &staged{ctx: ctx, tcp: tcp, verdict: make(chan error, 1), relayed: make(chan struct{}),
		over:    make(chan struct{}),
		watched: make(chan struct{})}
	e.mu.Lock()
	e.all = append(e.all, h)
	e.mu.Unlock()
	e.begun <- h
	var err error
	select {
	case err = <-h.verdict:
	case <-ctx.Done():
		err = &engine.Error{Reason: engine.Cancelled, Sentence: "nobody waits any more",
			Err: context.Cause(ctx)}
	}
	if err != nil {
		tcp.Close()
		close(h.over)
		return nil, err
	}
	return h, nil
}

func (e *stage) Listen(context.Context, *engine.Request) (engine.Listener, error) {
	return stagedListener{e}, nil
}

// left counts what has not ended.
func (e *stage) left() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.all {
		select {
		case <-h.over:
		default:
			n++
		}
	}
	return n
}

type stagedListener struct{ *stage }

func (l stagedListener) Handshake(ctx context.Context, tcp engine.Stream,
	_ uint64) (engine.Conn, error) {
	return l.handshake(ctx, tcp)
}
func (stagedListener) Close() {}

func (h *staged) Facts() *engine.Facts {
	return &engine.Facts{Version: 0x0304, PeerIdentity: "verified"}
}
func (h *staged) StopLingering()            {}
func (h *staged) SetAbortive(bool)          {}
func (h *staged) Progress() (sent, r int64) { return 0, 0 }

func (h *staged) Guard() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.guarded = true
}

func (h *staged) Abort() {
	h.tcp.Close()
	close(h.over)
}

// Relay takes what the program writes until the program, or the test, ends it.
func (h *staged) Relay(plain engine.Stream, opts engine.RelayOptions, done func(engine.End)) {
	h.plain, h.opts, h.done = plain, opts, done
	go func() {
		defer close(h.watched)
		h.until(sys.HungUp)
		h.until(func(fd int) bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.peerEnded || sys.Gone(fd)
		})
		h.mu.Lock()
		stopped := h.stop
		h.mu.Unlock()
		if !stopped {
			h.end(nil)
		}
	}()
	close(h.relayed)
}

// until waits for something to be so of the plaintext stream, or for stop.
func (h *staged) until(so func(fd int) bool) {
	raw, err := h.plain.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Read(func(fd uintptr) bool {
		h.discard(int(fd))
		return so(int(fd))
	})
}

// drain reads all that is there.
func (h *staged) drain() {
	if raw, err := h.plain.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { h.discard(int(fd)) })
	}
}

// discard reads what is there, but for the last byte when that is guarded.
func (h *staged) discard(fd int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, err := sys.Unread(fd)
	if h.guarded {
		n--
	}
	if err == nil && n > 0 {
		_, _, _ = unix.Recvfrom(fd, make([]byte, n), unix.MSG_DONTWAIT)
	}
}

func (h *staged) end(why error) {
	if why != nil {
		h.opts.BeforeReset(why)
	} else {
		h.mu.Lock()
		h.guarded = false
		h.mu.Unlock()
		h.drain()
	}
	h.plain.Close()
	h.tcp.Close()
	h.done(engine.End{Err: why})
	close(h.over)
}

// cut breaks the connection.
func (h *staged) cut(why error) {
	h.mu.Lock()
	h.stop = true
	h.mu.Unlock()
	_ = h.plain.SetReadDeadline(time.Unix(1, 0))
	<-h.watched
	h.end(why)
}

// finish is the peer's close_notify.
func (h *staged) finish() error {
	h.mu.Lock()
	h.peerEnded = true
	h.mu.Unlock()
	if err := h.plain.CloseWrite(); err != nil && !errors.Is(err, unix.ENOTCONN) {
		return err
	}
	return nil
}

func (h *staged) half() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.peerEnded
}
