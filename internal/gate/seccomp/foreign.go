package seccomp

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/socket"
)

// foreignHandler returns the handler of a call on a descriptor that is not
// ours, nil for those the kernel carries out: all but options that turn a TCP
// socket into a TLS socket, and connects where the policy judges them.
func foreignHandler(c *call, kind filter.Call) handler {
	level, name := int(int32(c.Args[1])), int(int32(c.Args[2]))
	tls := level == abi.ProtocolTLS
	upgrade := level == unix.IPPROTO_TCP && name == abi.OptionUpgradeTLS
	switch {
	case kind == filter.Connect && c.gate.cfg.JudgePlainTCP:
		return foreignConnect
	case kind >= filter.Sendto && c.flags(kind)&unix.MSG_FASTOPEN != 0 && c.gate.cfg.JudgePlainTCP:
		return foreignFastOpen
	case kind == filter.Setsockopt && (tls || upgrade):
		return foreignSetsockopt
	case kind == filter.Getsockopt && tls:
		return foreignGetsockopt
	}
	return nil
}

// foreignSetsockopt sets a TLS option on a plain TCP socket, or upgrades one.
func foreignSetsockopt(c *call) (int64, error) {
	if seen, err := c.lookAt(); !seen {
		return 0, err
	}
	table := c.gate.cfg.Sockets
	err := table.CheckPlainTCP(c)
	if errors.Is(err, socket.ErrNotTCP) {
		return 0, errContinue
	}
	if err != nil {
		return 0, err
	}
	level, name, size := int(int32(c.Args[1])), int(int32(c.Args[2])), int(int32(c.Args[4]))
	if level == abi.ProtocolTLS {
		if err := socket.CheckSettable(abi.Option(name)); err != nil {
			return 0, err
		}
	}
	if size < 0 || size > socket.MaxOption {
		return 0, abi.EINVAL
	}
	large, err := c.reserve(size)
	if err != nil {
		return 0, err
	}
	defer large.Leave()
	value, err := c.read(c.Args[3], size)
	if err != nil {
		return 0, err
	}
	if level == abi.ProtocolTLS {
		err = table.SetPlainTCPOption(c, c.inode, abi.Option(name), value)
	} else {
		// A call that waits is answered, or taken back by a signal, by others.
		err = table.Upgrade(c, c.inode, value, func(s *socket.Socket) { c.socket = s })
	}
	if errors.Is(err, abi.EBADF) { // another thread was faster
		if ours, _ := c.find(); ours {
			return setAgain(c)
		}
	}
	if errors.Is(err, socket.ErrNotTCP) {
		err = errContinue
	}
	return 0, err
}

// foreignGetsockopt asks for a TLS option that a plain TCP socket remembers.
func foreignGetsockopt(c *call) (int64, error) {
	if seen, err := c.lookAt(); !seen {
		return 0, err
	}
	if c.socket = c.gate.cfg.Sockets.Remembered(c.inode); c.socket == nil {
		return 0, errContinue
	}
	return getsockopt(c)
}
