// Package seccomp is the seccomp gate: it turns notified system calls of
// watched programs into operations on sockets, and their results back into
// registers and memory. It knows nothing of TLS or policy.
//
// Rules that keep it safe: what a program's memory holds is copied once and
// the call's id checked afterwards; a call that is about one of our sockets is
// never continued by the kernel when its memory was judged; nothing that can
// wait runs on the loop that receives calls.
package seccomp

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/socket"
)

// Config is what a Gate works with. All fields are needed.
type Config struct {
	// JudgePlainTCP brings connects of plain TCP sockets to the policy.
	JudgePlainTCP bool
	Listener      *notify.Listener
	Arch          filter.Arch
	Sockets       *socket.Table
	Finder        *Finder
	Own           *target.Own
	Programs      *program.Looker
	Log           *slog.Logger
}

// Gate answers the system calls of one filter's programs.
type Gate struct {
	cfg       Config
	handles   *target.Handles
	large     chan struct{} // calls that hold a large value
	helpers   chan struct{} // goroutines that take calls on beside Run's
	over      chan struct{} // closed when no program is left
	switching switching

	mu      sync.Mutex
	ended   bool             // no more calls are taken on
	waiting map[uint64]*call // calls that wait for an outcome, by id
	watched bool             // whether watchSignals runs
	work    sync.WaitGroup
}

// New returns a gate; Run makes it work.
func New(cfg Config) *Gate {
	return &Gate{cfg: cfg, handles: cfg.Finder.handles, large: make(chan struct{}, largeValues),
		helpers: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)), over: make(chan struct{}), waiting: map[uint64]*call{}}
}

// Run answers calls until no program is left under the filter, and until all
// calls under way have been answered.
func (g *Gate) Run() error {
	// Not on the caller's goroutine: one that is bound to a thread is slow to
	// be woken.
	received := make(chan error)
	go func() { received <- g.receive() }()
	err := <-received
	if err != nil {
		err = errors.Join(err, g.cfg.Listener.Close()) // nobody waits for an answer in vain
	}
	g.mu.Lock()
	g.ended = true
	g.mu.Unlock()
	close(g.over)
	g.work.Wait()
	g.handles.Close()
	return err
}

// receive takes calls on. A call that is answered at once is answered here:
// passing it on would cost more than all the rest. When calls come faster than
// that, others help.
func (g *Gate) receive() error {
	for {
		n, more, err := g.cfg.Listener.Receive()
		switch {
		case errors.Is(err, notify.ErrGone):
			continue
		case errors.Is(err, notify.ErrEnded):
			return nil
		case err != nil:
			return fmt.Errorf("receiving system calls: %w", err)
		}
		if more {
			g.getHelp()
		}
		g.dispatch(&call{gate: g, Call: n})
	}
}

// getHelp lets another goroutine take calls on as long as there are some, if
// there is a processor for it.
func (g *Gate) getHelp() {
	select {
	case g.helpers <- struct{}{}:
	default:
		return
	}
	g.work.Go(func() {
		defer func() { <-g.helpers }()
		for {
			n, found, err := g.cfg.Listener.TryReceive()
			switch {
			case errors.Is(err, notify.ErrGone):
				continue
			case !found, err != nil: // receive meets the same error
				return
			}
			g.dispatch(&call{gate: g, Call: n})
		}
	})
}

// dispatch decides quickly whether a call is about one of our sockets, and
// answers it: on a goroutine of its own when that can wait for anything.
func (g *Gate) dispatch(c *call) {
	kind, ok := g.cfg.Arch.Lookup(c.Number)
	if !ok {
		_ = c.proceed()
		return
	}
	handle, waits := handlers[kind], canWait(c, kind)
	if kind != filter.Socket && !c.find() {
		if handle = foreignHandler(c, kind); handle == nil {
			_ = c.proceed()
			return
		}
		waits = true
	}
	if c.older {
		handle, waits = renewed(handle), true
	}
	g.mu.Lock()
	if g.ended {
		g.mu.Unlock()
		return
	}
	g.work.Add(1)
	g.mu.Unlock()
	answer := func() {
		defer g.work.Done()
		g.answer(c, kind, handle)
	}
	switch {
	case waits:
		go answer()
	case kind == filter.Accept, kind == filter.Accept4:
		if err := c.socket.TryAccept(c); errors.Is(err, socket.ErrWouldWait) {
			go answer()
		} else {
			g.finish(c, kind, 0, answered(err))
			g.work.Done()
		}
	default:
		answer()
	}
}

// answered is the outcome of a call that was answered when there is no error.
func answered(err error) error {
	if err == nil {
		return errAnswered
	}
	return err
}

// canWait reports whether a call's handler may wait: for a file, for room in a
// queue, for another thread that accepts, or for an engine elsewhere.
func canWait(c *call, kind filter.Call) bool {
	switch kind {
	case filter.Shutdown, filter.Sendto, filter.Sendmsg, filter.Sendmmsg, filter.Recvfrom, filter.Recvmsg:
		return true
	case filter.Socket:
		return !c.gate.cfg.Sockets.Ready()
	case filter.Connect:
		return !c.gate.cfg.Sockets.Ready() || c.gate.cfg.Sockets.AsksProfiles()
	case filter.Listen:
		return c.gate.cfg.Sockets.Asks()
	case filter.Getsockopt:
		return int32(c.Args[1]) == abi.ProtocolTLS && c.gate.cfg.Sockets.AsksProfiles()
	case filter.Setsockopt:
		info, _ := abi.LookupOption(abi.Option(c.Args[2]))
		return int32(c.Args[1]) == abi.ProtocolTLS && (info.Kind == abi.PEMOrPath || c.gate.cfg.Sockets.AsksProfiles()) || c.Args[4] >= largeValue ||
			int32(c.Args[1]) == unix.SOL_SOCKET && int32(c.Args[2]) == unix.SO_LINGER
	}
	return false
}

// answer runs a handler and ends the call with its outcome. A panic is a bug of
// ours, and ends this call alone.
func (g *Gate) answer(c *call, kind filter.Call, handle handler) {
	defer func() {
		if r := recover(); r != nil {
			g.cfg.Log.Error(fmt.Sprintf("this is a bug: %s of %s: %v", kind, c, r))
			_ = c.Answer(abi.EIO)
		}
	}()
	value, err := handle(c)
	g.finish(c, kind, value, err)
}

// finish ends a call with the outcome of its handler.
func (g *Gate) finish(c *call, kind filter.Call, value int64, err error) {
	switch {
	case errors.Is(err, socket.ErrPending):
		g.watchFor(c)
		return
	case errors.Is(err, errAnswered):
		return
	case errors.Is(err, errContinue):
		err = c.proceed()
	case err != nil:
		err = c.Answer(err)
	default:
		err = c.end(value, nil)
	}
	if err != nil && !errors.Is(err, notify.ErrGone) {
		g.cfg.Log.Error(fmt.Sprintf("answering %s of %s: %v", kind, c, err))
	}
}

// handler performs a call. It returns the call's result or one of the errors
// below, socket.ErrPending, or what Errno turns into the program's errno.
type handler func(c *call) (int64, error)

var (
	errContinue = errors.New("the kernel carries the call out")
	errAnswered = errors.New("the call has been answered")
)

var handlers = map[filter.Call]handler{
	filter.Socket:      makeSocket,
	filter.Connect:     connect,
	filter.Bind:        bind,
	filter.Listen:      listen,
	filter.Accept:      accept,
	filter.Accept4:     accept,
	filter.Getsockname: getsockname,
	filter.Getpeername: getpeername,
	filter.Setsockopt:  setsockopt,
	filter.Getsockopt:  getsockopt,
	filter.Shutdown:    shutdown,
	filter.Sendto:      sendFlagged,
	filter.Sendmsg:     sendFlagged,
	filter.Sendmmsg:    sendFlagged,
	filter.Recvfrom:    discard,
	filter.Recvmsg:     discard,
}

func makeSocket(c *call) (int64, error) {
	family, kind := int(int32(c.Args[0])), int(int32(c.Args[1]))
	s, fd, err := c.gate.cfg.Sockets.New(c, family, kind)
	if err != nil {
		return 0, err
	}
	defer fd.Close()
	if _, err := c.gate.cfg.Listener.ReplyFD(c.ID, fd.Int(), kind&unix.SOCK_CLOEXEC != 0); err != nil {
		s.Discard()
		if errors.Is(err, notify.ErrGone) {
			return 0, errAnswered
		}
		return 0, err
	}
	return 0, errAnswered
}
