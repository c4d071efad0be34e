package seccomp

import (
	"errors"

	"github.com/secure-socket-api/ssa/abi"
)

// renewed is a handler for a call on an older copy of a socket, which is first
// replaced by the socket that stands for it now: see socket.Table.Older.
func renewed(handle handler) handler {
	return func(c *call) (int64, error) {
		if err := c.renew(); err != nil {
			return 0, err
		}
		return handle(c)
	}
}

func (c *call) renew() error {
	end, err := c.socket.Current()
	if err != nil {
		return errors.Join(abi.EBADF, err)
	}
	defer end.Close()
	err = c.Replace(end)
	if errors.Is(err, abi.EBADF) {
		// Another thread of the process was faster.
		s := c.socket
		if seen, _ := c.lookAt(); seen && c.gate.cfg.Sockets.Lookup(c.inode) == s {
			return nil
		}
	}
	return err
}

// setAgain is setsockopt on a socket that another thread made a TLS socket
// meanwhile.
func setAgain(c *call) (int64, error) {
	if c.older {
		return renewed(setsockopt)(c)
	}
	return setsockopt(c)
}
