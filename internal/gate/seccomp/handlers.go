package seccomp

import (
	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/shares"
	"github.com/secure-socket-api/ssa/internal/socket"
)

func connect(c *call) (int64, error) {
	addr, err := c.readAddress()
	if err != nil {
		return 0, err
	}
	return 0, c.socket.Connect(c, addr)
}

func bind(c *call) (int64, error) {
	addr, err := c.readAddress()
	if err != nil {
		return 0, err
	}
	return 0, c.socket.Bind(c, addr)
}

func listen(c *call) (int64, error) {
	return 0, c.socket.Listen(c, int(int32(c.Args[1])))
}

func accept(c *call) (int64, error) {
	return 0, answered(c.socket.Accept(c))
}

func getsockname(c *call) (int64, error) {
	addr, err := c.socket.Name()
	if err != nil {
		return 0, err
	}
	return 0, c.writeAddress(addr, c.Args[1], c.Args[2])
}

func getpeername(c *call) (int64, error) {
	addr, err := c.socket.Peer()
	if err != nil {
		return 0, err
	}
	return 0, c.writeAddress(addr, c.Args[1], c.Args[2])
}

func shutdown(c *call) (int64, error) {
	done, err := c.socket.Shutdown(c, int(int32(c.Args[1])))
	if !done && err == nil {
		err = errContinue
	}
	return 0, err
}

func setsockopt(c *call) (int64, error) {
	level, name, size := int(int32(c.Args[1])), int(int32(c.Args[2])), int(int32(c.Args[4]))
	if size < 0 {
		return 0, abi.EINVAL
	}
	if level == abi.ProtocolTLS {
		// What the option is comes first: a number that is none is
		// ENOPROTOOPT however bad the rest is.
		if err := socket.CheckSettable(abi.Option(name)); err != nil {
			return 0, err
		}
	}
	if size > socket.MaxOption {
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
		return 0, c.socket.SetTLSOption(c, abi.Option(name), value)
	}
	return 0, c.socket.SetOption(c, level, name, value)
}

func getsockopt(c *call) (int64, error) {
	level, name := int(int32(c.Args[1])), int(int32(c.Args[2]))
	size, err := c.readLength(c.Args[4])
	if err != nil {
		return 0, err
	}
	var value []byte
	if level == abi.ProtocolTLS {
		if value, err = c.socket.TLSOption(c, abi.Option(name)); err != nil {
			return 0, err
		}
		value = socket.Fit(abi.Option(name), value, size)
		if len(value) > size {
			if err := c.writeLength(c.Args[4], len(value)); err != nil {
				return 0, err
			}
			return 0, abi.ERANGE
		}
	} else if value, err = c.socket.Option(c, level, name, size); err != nil {
		return 0, err
	}
	value = value[:min(len(value), size)]
	return 0, c.writeValue(c.Args[3], value, c.Args[4], len(value))
}

// largeValue is from which size values are held by few calls at a time, so
// that a program with many threads cannot make the gate hold as many of them.
const largeValue = 64 << 10

var largeValues = shares.Limits{Process: 2, User: 8, UserSpare: 8, All: 32, AllSpare: 32,
	Queue: 1024}

// reserve waits until a value of a size may be held; the turn ends that.
func (c *call) reserve(size int) (shares.Turn, error) {
	if size < largeValue {
		return shares.Turn{}, nil
	}
	return c.gate.large.Enter(c)
}
