package socket

import (
	"bytes"
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Upgrade is TCP_UPGRADE_TLS on a connected TCP socket that is not ours: it
// becomes a TLS socket in place. value is the name a client verifies; a server
// gives none and has set a certificate before. The descriptor is silent in
// poll(2) until the handshake is over; a non-blocking call gets EINPROGRESS.
// found is told the socket before anything can be answered.
func (t *Table) Upgrade(c Caller, inode uint64, value []byte, found func(*Socket)) error {
	p, err := lookAtPlainTCP(c)
	if err != nil {
		return err
	}
	defer p.end.Close()
	switch p.state {
	case tcpEstablished, tcpCloseWait:
	case tcpListen:
		// The number is TCP_FASTOPEN_KEY to the kernel, an option of listeners.
		return ErrNotTCP
	default:
		return abi.ENOTCONN
	}
	s := t.remember(c, inode, p.family)
	found(s)
	holder := awaitAlone(c, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.State() != Fresh {
		return abi.EBADF // another thread was faster, and the descriptor is another
	}
	req, err := s.upgradeRequestLocked(c, value)
	if err == nil && holder != "" {
		err = fail(abi.EBUSY, "TCP_UPGRADE_TLS: %s has the connection too, and what it writes would go out in plain text: "+
			"close it there before", holder)
		t.cfg.Log.Warn(err.Error(), "id", s.id, "program", c.String())
	}
	if err != nil {
		return err
	}
	if err := s.upgradeLocked(c, p, req); err != nil {
		return err
	}
	if p.nonblock {
		return abi.EINPROGRESS
	}
	end, err := c.End()
	if err != nil {
		return err
	}
	defer end.Close()
	s.waitLocked(c, end.SendLimit(), abi.EINPROGRESS)
	return ErrPending
}

// upgradeAgain is TCP_UPGRADE_TLS on a socket that is a TLS socket already, by
// that call perhaps: a signal had interrupted it, or another thread makes it, too.
// Who names another peer is not told that this one is verified.
// ErrNotTCP leaves the number to the kernel, to which it is TCP_FASTOPEN_KEY.
func (s *Socket) upgradeAgain(c Caller, value []byte) error {
	end, err := c.End()
	if err != nil {
		return err
	}
	defer end.Close()
	nonblock, err := end.Nonblocking()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := string(bytes.TrimSuffix(value, []byte{0}))
	same := s.upgraded && (name == "" || name == s.set.remoteName)
	switch state := s.State(); {
	case same && s.isUntoldLocked():
		return s.tellLocked()
	case state == Connecting && same && !nonblock:
		s.waitLocked(c, end.SendLimit(), abi.EALREADY)
		return ErrPending
	case state == Connecting:
		return abi.EALREADY
	case state == Connected, state == Ended:
		return abi.EISCONN
	case s.upgraded:
		return abi.ENOTCONN
	}
	return ErrNotTCP
}

func (s *Socket) upgradeRequestLocked(c Caller, value []byte) (*engine.Request, error) {
	name := string(bytes.TrimSuffix(value, []byte{0}))
	if len(value) == 0 && (len(s.set.identities) > 0 || len(s.set.chains) > 0) {
		return s.serverRequestLocked(c)
	}
	if name == "" {
		name = s.set.remoteName
	}
	if name == "" {
		return nil, fail(abi.EINVAL, "TCP_UPGRADE_TLS: a client gives the name to verify as the value; "+
			"a server gives none and sets TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY before")
	}
	if !abi.ValidHostname(name) {
		return nil, fail(abi.EINVAL, "TCP_UPGRADE_TLS: %q is no host name or address", name)
	}
	s.set.remoteName = name
	return s.clientRequestLocked(c, abi.Sockaddr{})
}

// upgradeLocked takes the TCP connection from the program and begins the
// handshake on it. The program has nothing but its end of the pair then.
func (s *Socket) upgradeLocked(c Caller, p *plainTCP, req *engine.Request) error {
	end, inode, err := s.table.newEnd(p.nonblock)
	if err != nil {
		return err
	}
	defer end.Close()
	a := &attempt{req: req, rights: noRights{}}
	if err := s.countLocked(c, a); err != nil {
		return err
	}
	a.process, err = s.table.claimantOf(c)
	var tcp *sys.FD
	if err == nil {
		tcp, err = p.fd.Dup()
	}
	if err == nil {
		a.stream, err = sys.NewStream(tcp, nil)
	}
	if err == nil {
		err = end.TakeLimits(p.end)
	}
	if err == nil {
		a.plaintext, err = end.Join(s.roomLocked())
	}
	if err == nil {
		err = c.Replace(end)
	}
	if err != nil {
		s.table.usage.end(a.program)
		a.process.close()
		if a.stream != nil {
			a.stream.Close()
			_ = unix.SetNonblock(p.fd.Int(), p.nonblock) // the file is the program's again
		}
		if a.plaintext != nil {
			a.plaintext.Close()
		}
		return err
	}
	s.beginUpgradeLocked(c, a, inode)
	return nil
}

func (s *Socket) beginUpgradeLocked(c Caller, a *attempt, inode uint64) {
	a.upgrade, s.upgraded, s.server = true, true, a.req.Role == engine.Server
	ctx, cancel := context.WithCancel(s.table.ctx)
	a.cancel = cancel
	s.become(a)
	s.soError, s.where = 0, c.Where()
	s.outcome.begin()
	s.table.adopt(s, inode)
	s.table.background(func(err error) { s.failed(a, err) },
		func(context.Context) { s.establish(ctx, a) })
}

// adopt makes a remembered TCP socket one of ours.
func (t *Table) adopt(s *Socket, inode uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.plainTCP, s.inode)
	t.copies.older[s.inode] = olderCopies{s, false}
	s.inode = inode
	t.sockets[inode] = s
}

// How long a process that is just being started, or is about to close what it
// inherited, is waited for.
const (
	firstAlone = time.Millisecond
	lastAlone  = 256 * time.Millisecond
)

// awaitAlone waits until no other process is seen to have the call's socket; it
// returns one that has it all the same.
func awaitAlone(c Caller, above bool) (holder string) {
	for delay := firstAlone; ; delay *= 2 {
		if holder = c.Holder(above); holder == "" || delay > lastAlone || !c.Waiting() {
			return holder
		}
		time.Sleep(delay)
	}
}

// keepForCut holds on to the TCP connection of an upgrade. When the handshake
// fails the connection is shut down, not only closed: other descriptors of it
// may remain, and nothing may follow there in plain text.
func (s *Socket) keepForCut(stream *sys.Stream) func(outcome *error) {
	var kept *sys.FD
	_ = stream.Control(func(fd int) error {
		if n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			kept = sys.Own(n)
		}
		return nil
	})
	return func(outcome *error) {
		if *outcome != nil {
			_ = unix.Shutdown(kept.Int(), unix.SHUT_RDWR)
		}
		kept.Close()
	}
}

// noRights are the rights of an attempt that makes no more sockets.
type noRights struct{}

func (noRights) Do(f func() error) error { return f() }
func (noRights) OwnNetwork() bool        { return true }
func (noRights) Socket(family, kind, protocol int) (*sys.FD, error) {
	return sys.Socket(family, kind, protocol)
}
func (noRights) Close() {}
