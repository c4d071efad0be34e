package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// greeting is how long a caller may take to say Hello.
const greeting = 10 * time.Second

// caller is one connection to the service's socket. When it ends, what it has
// begun is given up, but for connections that are being relayed.
type caller struct {
	service *Service
	conn    *wire.Conn
	uid     uint32
	owner   uint32 // the person that uid belongs to
	pid     int32
	groups  []uint32 // the effective one and the supplementary ones
	ctx     context.Context
	cancel  context.CancelFunc
	firstID uint64
	// statusOnly callers may ask for the status alone.
	statusOnly bool

	greetMu sync.Mutex // policies are announced in order
	greeted bool       // and wants to know policies

	mu      sync.Mutex
	servers map[uint64]*server
	conns   map[uint64]*connection
	busy    bool   // a message is being carried out
	used    uint64 // when it last was: see Service.clock
	counted bool   // among its user's callers
}

// errTurnedAway is the error of a caller that is one too many, which was told.
var errTurnedAway = errors.New("the service has too many callers")

// newCaller takes fd over. A user with too many callers is turned away.
func newCaller(s *Service, fd *sys.FD) (*caller, error) {
	c := &caller{service: s, servers: map[uint64]*server{}, conns: map[uint64]*connection{}}
	var err error
	if c.conn, err = wire.NewConn(fd,
		func(n int) bool { return s.users.buffer(c.owner, n) }); err != nil {
		return nil, err
	}
	cred, groups, err := c.conn.Peer()
	if err != nil {
		c.conn.Close()
		return nil, fmt.Errorf("asking who it is: %w", err)
	}
	c.uid, c.pid, c.owner = cred.Uid, cred.Pid, s.owners.of(cred.Uid)
	c.groups = append(groups, cred.Gid)
	if !s.room(c) {
		refusal := limited("the service has too many callers of this user")
		c.refusedFor(Judged, Connection{Process: c.process()}, refusal)
		_ = c.refuse(0, refusal)
		c.conn.Close()
		s.complain(c.uid, "a caller was turned away: its user has too many", c.pid)
		return nil, errTurnedAway
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// serve answers messages until the caller goes or breaks the protocol.
func (c *caller) serve() {
	defer c.end()
	c.service.survive(c.converse)
}

func (c *caller) converse() {
	err := c.greet()
	for err == nil {
		err = c.answer()
	}
	gone := errors.Is(err, errLetGo) || errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) ||
		errors.Is(err, unix.ECONNRESET) || errors.Is(err, io.ErrClosedPipe)
	if !gone && c.ctx.Err() == nil {
		c.service.complain(c.uid, "a caller broke the protocol: "+err.Error(), c.pid)
		c.nonsense(refused("the caller broke the protocol: %v", err))
	}
}

// answer waits for a message and carries it out.
func (c *caller) answer() error {
	frame, err := c.conn.Receive(c.ctx)
	if err != nil {
		return err
	}
	defer frame.Close()
	if !c.begin() {
		return errLetGo
	}
	defer c.done()
	return c.dispatch(frame)
}

// nonsense tells the observer of what no gate sends.
func (c *caller) nonsense(err *engine.Error) {
	c.refusedFor(Nonsense, Connection{Process: c.process()}, err)
}

func (c *caller) end() {
	c.cancel()
	c.conn.Close()
	c.mu.Lock()
	servers, conns := c.servers, slices.Collect(maps.Values(c.conns))
	c.servers = nil
	c.mu.Unlock()
	for _, s := range servers {
		s.close()
	}
	for _, x := range conns {
		x.giveUp()
	}
	c.uncount()
	c.service.gone(c)
}

func (c *caller) greet() error {
	ctx, cancel := context.WithTimeout(c.ctx, greeting)
	defer cancel()
	frame, err := c.conn.Receive(ctx)
	if err != nil {
		return err
	}
	defer frame.Close()
	hello, ok := frame.Message.(*wire.Hello)
	switch {
	case !ok:
		return fmt.Errorf("it began with %T", frame.Message)
	case hello.Version != wire.Version:
		_ = c.conn.Send(&wire.Refused{Reason: uint64(engine.Refused),
			Sentence: fmt.Sprintf("the service speaks version %d of the protocol, not %d", wire.Version, hello.Version)})
		return fmt.Errorf("it speaks version %d of the protocol", hello.Version)
	}
	c.service.cfg.Log.Debug("caller", "pid", c.pid, "uid", c.uid, "agent", hello.Agent)
	c.firstID = c.service.block(hello.LastID) * idsPerCaller
	c.greetMu.Lock()
	defer c.greetMu.Unlock()
	c.statusOnly, c.greeted = hello.StatusOnly, !hello.StatusOnly
	return c.conn.Send(&wire.Welcome{Version: wire.Version, FirstID: c.firstID, IDs: idsPerCaller,
		Policy: policyText(c.service.rules.Load())})
}

// announce tells the caller of a policy.
func (c *caller) announce(p *policy.Policy) {
	c.greetMu.Lock()
	defer c.greetMu.Unlock()
	if c.greeted {
		text := policyText(p)
		_ = c.conn.Send(&text)
	}
}

func policyText(p *policy.Policy) (text wire.Policy) {
	for _, f := range p.Files() {
		text.Names = append(text.Names, f.Name)
		text.Contents = append(text.Contents, f.Data)
	}
	return text
}

// dispatch carries a message out. An error ends the caller.
func (c *caller) dispatch(f *wire.Frame) error {
	if _, status := f.Message.(*wire.Status); c.statusOnly && !status {
		return fmt.Errorf("it may ask only for the status, and sent %T", f.Message)
	}
	switch m := f.Message.(type) {
	case *wire.Listen:
		return c.listen(m, f.Take(0))
	case *wire.Unlisten:
		c.unlisten(m.Ref)
	case *wire.Handshake:
		return c.handshake(m, f.Take(0), f.Take(1))
	case *wire.Identify:
		return c.profile(m, f.Take(0))
	case *wire.Status:
		return c.report(m)
	case *wire.KeyLog:
		return c.keyLog(m, f.Take(0))
	case *wire.TakeOver:
		return c.takeOver(m)
	case *wire.Denied:
		return c.denied(m, f.Take(0))
	default:
		return c.dispatchConnection(f)
	}
	return nil
}

// dispatchConnection carries out what is about one connection. Those that have
// ended meanwhile are passed over.
func (c *caller) dispatchConnection(f *wire.Frame) error {
	switch m := f.Message.(type) {
	case *wire.Cancel:
		c.with(m.Ref, (*connection).giveUp)
	case *wire.Relay:
		plaintext := f.Take(0)
		if plaintext == nil {
			return errors.New("a relay needs a descriptor")
		}
		if !c.with(m.Ref, func(x *connection) { x.give(plaintext) }) {
			plaintext.Close()
		}
	case *wire.Guard:
		c.with(m.Ref, (*connection).guard)
		return c.conn.Send(&wire.Done{Ref: m.Ref})
	case *wire.SetAbortive:
		c.with(m.Ref, func(x *connection) { x.setAbortive(m.On) })
		return c.conn.Send(&wire.Done{Ref: m.Ref})
	case *wire.StopLingering:
		c.with(m.Ref, (*connection).stopLingering)
	case *wire.Abort:
		c.with(m.Ref, (*connection).abort)
	case *wire.ResetDone:
		c.with(m.Ref, (*connection).resetDone)
	default:
		return fmt.Errorf("%T is not a request", m)
	}
	return nil
}

// with calls f with a connection that has not ended.
func (c *caller) with(ref uint64, f func(*connection)) bool {
	c.mu.Lock()
	x := c.conns[ref]
	c.mu.Unlock()
	if x == nil {
		return false
	}
	f(x)
	return true
}

// newRef makes sure that a reference is not in use.
func (c *caller) newRef(ref uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns[ref] != nil || c.servers[ref] != nil {
		return fmt.Errorf("the reference %d is in use", ref)
	}
	return nil
}

// refuse answers a request that is not carried out.
func (c *caller) refuse(ref uint64, err *engine.Error) error {
	return c.conn.Send(refusal(ref, err))
}
