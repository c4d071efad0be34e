package socket

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Socket is one TLS socket. Its methods are safe for concurrent use.
type Socket struct {
	table    *Table
	id       uint64
	family   int  // as asked for: AF_INET, AF_INET6 or AF_HOSTNAME
	process  int  // that made the socket
	server   bool // the server's end of a connection
	upgraded bool // by TCP_UPGRADE_TLS
	// rules are the policy of when the socket was made; nil in accepted ones,
	// which have the base of their listener.
	rules       *policy.Policy
	place                                // guarded by table.mu, but for the hint
	closing                              // has its own locks
	outcome     outcome                  // for TLS_ERROR
	acceptMu    sync.Mutex               // one accept(2) at a time looks at the queue
	atomicState atomic.Uint32            // the State of now, to be read without mu
	shared      atomic.Pointer[settings] // a copy of set for TLS_CONTEXT of other sockets

	mu  sync.Mutex
	now state // changed by become alone
	realTCP
	choices
	soError abi.Errno // outcome of a non-blocking connect, told once
	waiters map[int]*waiter
	local   []byte // addresses of a connection, kept beyond its end
	peer    []byte
}

// realTCP is the TCP socket, until a stream takes it over, and what has to be done
// to another one that takes its place.
type realTCP struct {
	tcp       *sys.FD
	bound     bool
	boundTo   []byte // address given to bind, to bind again
	given     bool   // tcp listened already when the program got it
	converted bool   // it was a TCP socket of the program, which may still have the port
	options   []tcpOption
}

// choices are what a program has chosen, and what the policy makes of it.
type choices struct {
	set       settings
	base      *policy.Effective // the administrator's, from the first use on
	effective *policy.Effective // base, tightened by the program
	held      int64             // PEM bytes in set, accounted for in table.held
	sendSize  int               // SO_SNDBUF of the program's descriptor to restore, 0: ours
	recvSize  int               // SO_RCVBUF as set, 0: not set
	context   uint64            // TLS_CONTEXT
}

// settings are what a program has set with TLS options.
type settings struct {
	remoteName string
	hostname   string
	roots      []*x509.Certificate
	chains     []identity.Chain
	identities []*identity.Identity
	asked      policy.ProgramSettings // of the policy
}

// tcpOption is an option of another level that was set on the TCP socket.
type tcpOption struct {
	level, name int
	value       []byte
}

// New makes a socket for socket(2) and returns the descriptor to give to the
// program. family is AF_INET, AF_INET6 or AF_HOSTNAME; kind has the type and
// the flags SOCK_NONBLOCK and SOCK_CLOEXEC.
func (t *Table) New(c Caller, family, kind int) (*Socket, endpoint.End, error) {
	s, end, err := t.newSocket(c, family, kind)
	if errors.Is(err, unix.EMFILE) {
		// Sockets that were closed without being used may hold descriptors.
		t.Sweep()
		s, end, err = t.newSocket(c, family, kind)
	}
	return s, end, err
}

func (t *Table) newSocket(c Caller, family, kind int) (*Socket, endpoint.End, error) {
	const flags = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	switch {
	case family != abi.FamilyInet && family != abi.FamilyInet6 && family != abi.FamilyHostname:
		return nil, nil, abi.ESOCKTNOSUPPORT
	case kind&^flags != unix.SOCK_STREAM:
		return nil, nil, abi.EPROTONOSUPPORT
	}
	if err := t.cfg.Engine.Available(t.ctx); err != nil {
		return nil, nil, err
	}
	rights, err := c.Rights()
	if err != nil {
		return nil, nil, err
	}
	defer rights.Close()
	s := t.born(fresh{}, family, t.cfg.Engine.NewID())
	s.rules, s.process = t.rules.Load(), c.Process()
	if s.tcp, err = makeTCP(rights, s.tcpFamily()); err != nil {
		return nil, nil, err
	}
	end, inode, err := t.newEnd(kind&unix.SOCK_NONBLOCK != 0)
	if err != nil {
		s.tcp.Close()
		return nil, nil, err
	}
	s.inode = inode
	t.add(s)
	return s, end, nil
}

// newEnd makes an end that no program has yet.
func (t *Table) newEnd(nonblock bool) (end endpoint.End, inode uint64, err error) {
	if end, err = t.cfg.Ends.New(nonblock); err != nil {
		return nil, 0, err
	}
	if inode, err = end.ID(); err != nil {
		end.Close()
		return nil, 0, err
	}
	return end, inode, nil
}

// Discard forgets a socket whose descriptor never reached the program.
func (s *Socket) Discard() {
	s.table.remove(s)
	s.release()
}

// tcpFamily is the family of the real socket. AF_HOSTNAME begins with IPv6,
// which also carries IPv4.
func (s *Socket) tcpFamily() int {
	if s.family == abi.FamilyHostname {
		return abi.FamilyInet6
	}
	return s.family
}

func makeTCP(rights Rights, family int) (*sys.FD, error) {
	tcp, err := rights.Socket(family, unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if err != nil {
		return nil, fmt.Errorf("making a TCP socket: %w", err)
	}
	return tcp, nil
}

// renewTCPLocked makes the TCP socket anew, as it was before the last connect.
func (s *Socket) renewTCPLocked(rights Rights, family int) (*sys.FD, error) {
	tcp, err := makeTCP(rights, family)
	if err != nil {
		return nil, err
	}
	err = rights.Do(func() error {
		for _, o := range s.options {
			if err := sys.SetsockoptRaw(tcp.Int(), o.level, o.name, o.value); err != nil {
				return fmt.Errorf("setting option %d of level %d again: %w", o.name, o.level, err)
			}
		}
		if s.bound && s.boundTo != nil {
			return s.besideLocked(tcp.Int(), func() error { return sys.BindRaw(tcp.Int(), s.boundTo) })
		}
		return nil
	})
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return tcp, nil
}

// ID returns the number of the socket in logs and status.
func (s *Socket) ID() uint64 { return s.id }

// sweep releases the socket when its descriptor is closed everywhere, which
// exists tells of an inode.
func (s *Socket) sweep(exists func(inode uint64) bool) {
	if now := s.State(); now == Connecting || now == Connected {
		return // connections notice by themselves, until their relay has ended
	}
	inode := s.inodeKnown()
	if inode == 0 || exists(inode) {
		return
	}
	s.table.remove(s)
	s.release()
}

// stopLingering ends what only waits, when all programs have gone.
func (s *Socket) stopLingering() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch now := s.now.(type) {
	case *attempt:
		now.cancel()
	case *listener:
		now.stop()
	case *connected:
		now.conn.StopLingering()
	}
}

// release gives up what the socket holds.
func (s *Socket) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tcp.Close()
	s.table.held.Add(-s.held)
	s.held = 0
	switch now := s.now.(type) {
	case *attempt:
		now.cancel()
	case *listener:
		now.stop()
	}
}

// background runs work that the table waits for at its end. A panic in it is a
// bug of ours that must not end the connections of other programs; onPanic
// ends what the work was for.
func (t *Table) background(onPanic func(error), work func(ctx context.Context)) {
	t.work.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				onPanic(t.bug(r))
			}
		}()
		work(t.ctx)
	})
}

// bug logs a panic, and makes an error of it.
func (t *Table) bug(recovered any) error {
	err := fmt.Errorf("this is a bug: %v", recovered)
	t.cfg.Log.Error(err.Error(), "stack", string(debug.Stack()))
	return err
}
