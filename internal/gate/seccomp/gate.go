// Package seccomp is the seccomp gate: it turns notified system calls of
// watched programs into operations on sockets, and their results back into
// registers and memory. It knows nothing of TLS or policy.
//
// Rules that keep it safe: what a program's memory holds is copied once and
// the call's id checked afterwards; a call that is about one of our sockets is
// never continued by the kernel when its memory was judged; what a program can
// make last holds up the program alone: the goroutine that receives calls is
// relieved of it, and package shares bounds how much of it there is.
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
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/shares"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/unixend"
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
	Ends          *unixend.Ends
	Finder        *Finder
	Own           *target.Own
	Programs      *program.Identifier
	Log           *slog.Logger
}

// Gate answers the system calls of one filter's programs.
type Gate struct {
	cfg       Config
	handles   *target.Handles
	turns     *shares.Pool  // of looks at programs
	large     *shares.Pool  // of calls that hold a large value
	helpers   chan struct{} // goroutines that take calls on beside the one whose duty it is
	over      chan struct{} // closed when no program is left
	watch     watch
	failed    chan error // why receiving ended
	switching switching

	mu      sync.Mutex
	ended   bool             // no more calls are taken on
	waiting map[uint64]*call // calls that wait for an outcome, by id
	watched bool             // whether watchSignals runs
	unseen  map[int]bool     // processes that cannot be looked at, as far as told
	work    sync.WaitGroup
}

// New returns a gate; Run makes it work.
func New(cfg Config) *Gate {
	return &Gate{cfg: cfg, handles: cfg.Finder.handles, turns: cfg.Finder.turns,
		large:   shares.New(largeValues),
		helpers: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)), over: make(chan struct{}),
		failed:  make(chan error, 1),
		waiting: map[uint64]*call{}}
}

// dispatch decides whether a call, which has begun, is about one of our sockets,
// and answers it: on a goroutine of its own when that waits for an engine or a
// file as a rule.
func (g *Gate) dispatch(c *call) {
	kind, ok := g.cfg.Arch.Lookup(c.Number)
	if !ok {
		_ = c.proceed()
		g.work.Done()
		return
	}
	handle, waits := handlers[kind], canWait(c, kind)
	if kind != filter.Socket {
		switch ours, err := c.find(); {
		case err != nil:
			handle = func(*call) (int64, error) { return 0, err }
			waits = false
		case !ours:
			if handle = foreignHandler(c, kind); handle == nil {
				_ = c.proceed()
				g.work.Done()
				return
			}
			waits = true
		}
	}
	if c.older {
		handle, waits = renewed(handle), true
	}
	answer := func() {
		defer g.work.Done()
		g.answer(c, kind, handle)
	}
	switch {
	case waits:
		go answer()
	case c.socket != nil && (kind == filter.Accept || kind == filter.Accept4):
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

// canWait reports whether a call's handler may wait: the socket says so of what it
// does; what the gate does itself waits for a program's memory or its streams.
func canWait(c *call, kind filter.Call) bool {
	table, level, name := c.gate.cfg.Sockets, int(int32(c.Args[1])), int(int32(c.Args[2]))
	switch kind {
	case filter.Sendto, filter.Sendmsg, filter.Sendmmsg, filter.Recvfrom, filter.Recvmsg:
		return true
	case filter.Socket:
		return table.NewWaits()
	case filter.Connect:
		return table.ConnectWaits()
	case filter.Listen:
		return table.ListenWaits()
	case filter.Shutdown:
		return table.ShutdownWaits()
	case filter.Getsockopt:
		return table.GetWaits(level)
	case filter.Setsockopt:
		return table.SetWaits(level, name) || c.Args[4] >= largeValue
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
	s, end, err := c.gate.cfg.Sockets.New(c, family, kind)
	if err != nil {
		return 0, err
	}
	defer end.Close()
	if _, err := c.gate.cfg.Listener.ReplyFD(c.ID, unixend.FD(end).Int(),
		kind&unix.SOCK_CLOEXEC != 0); err != nil {
		s.Discard()
		if errors.Is(err, notify.ErrGone) {
			return 0, errAnswered
		}
		return 0, err
	}
	return 0, errAnswered
}
