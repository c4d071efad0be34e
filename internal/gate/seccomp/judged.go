package seccomp

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/shares"
	"github.com/secure-socket-api/ssa/internal/socket"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// foreignConnect is a connect that the policy judges. The kernel never carries
// out what was judged: another thread could change the address, or what the
// descriptor is, between. The gate connects a duplicate, which is the socket
// that it looked at. What is no TCP socket the kernel may carry out, since it
// lets these programs connect no TCP socket by themselves: see
// notify.Listener.NoTCP. Where it cannot keep them from that, the gate connects
// every kind of socket itself.
func foreignConnect(c *call) (int64, error) {
	noTCP := c.gate.cfg.Listener.NoTCP
	fd, err := c.duplicate()
	switch {
	case errors.Is(err, abi.EBADF), errors.Is(err, shares.ErrCrowded):
		return 0, err
	case err != nil && noTCP:
		return 0, errContinue // a descriptor that the gate may not look at
	case err != nil:
		return 0, errors.Join(abi.EACCES, err)
	}
	defer fd.Close()
	addr, err := c.readAddress()
	if err != nil {
		return 0, err
	}
	if c.inode, err = fd.SocketInode(); err != nil {
		return 0, abi.ENOTSOCK
	}
	addr = socket.Reached(fd, addr)
	s, err := c.gate.cfg.Sockets.ConnectPlainTCP(c, fd, addr)
	switch {
	case errors.Is(err, socket.ErrNotTCP) && noTCP:
		return 0, errContinue
	case errors.Is(err, socket.ErrNotTCP):
		return 0, c.connectOther(fd, addr)
	case errors.Is(err, socket.ErrAllowed):
		return 0, c.connectHere(fd, addr)
	case err != nil:
		return 0, err
	}
	c.socket = s
	return 0, s.Connect(c, addr)
}

// connectOther connects a socket that is not TCP. The peer of an AF_UNIX socket
// sees who connected it, and that is the gate: so it does this only for
// programs that have the same credentials.
func (c *call) connectOther(fd *sys.FD, addr []byte) error {
	family, err := unix.GetsockoptInt(fd.Int(), unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	if family != unix.AF_UNIX {
		return c.connectHere(fd, addr)
	}
	to, err := c.unixAddress(addr)
	if err != nil {
		return err
	}
	defer to.close()
	return c.connectHere(fd, to.bytes)
}
