package socket

import (
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// convertListener makes a TLS socket of a TCP socket that listens, such as one
// that systemd(1) has opened for the program: only that one gets the clients.
// They are let in once the program calls listen, when its certificate and its
// other options are set; accept is EINVAL before. Another program of the gate
// that has the socket could accept plain connections from it, and is refused.
// Whoever opened it is not: it has a right to that.
func (t *Table) convertListener(c Caller, p *plainTCP, inode uint64, option abi.Option,
	value []byte) error {
	kind := unix.SOCK_STREAM
	if p.nonblock {
		kind |= unix.SOCK_NONBLOCK
	}
	s, end, err := t.New(c, p.family, kind)
	if err != nil {
		return err
	}
	defer end.Close()
	if err = s.SetTLSOption(c, option, value); err == nil {
		err = s.takeListener(c, p, inode)
	}
	if err == nil {
		err = end.TakeLimits(p.end)
	}
	if err == nil {
		err = c.Replace(end)
	}
	if err != nil {
		s.Discard()
	}
	return err
}

// takeListener makes the program's TCP socket the real one.
func (s *Socket) takeListener(c Caller, p *plainTCP, inode uint64) error {
	if holder := awaitAlone(c, false); holder != "" {
		err := fail(abi.EBUSY, "%s has the listening socket too, and could accept plain connections: close it there before", holder)
		s.table.cfg.Log.Warn(err.Error(), "id", s.id, "program", c.String())
		return err
	}
	tcp, err := p.fd.Dup()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range inherited {
		was, err := getsockopt(p.fd.Int(), o.level, o.name, o.size)
		if err != nil {
			continue // not for this family
		}
		if now, err := getsockopt(s.tcp.Int(), o.level, o.name, o.size); err == nil &&
			string(was) != string(now) {
			s.rememberLocked(o.level, o.name, was)
		}
	}
	s.tcp.Close()
	s.tcp, s.bound, s.given = tcp, true, true
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.copies.older[inode] = olderCopies{s, false}
	return nil
}
