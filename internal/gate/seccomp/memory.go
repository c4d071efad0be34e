package seccomp

import (
	"encoding/binary"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
)

// read copies memory of the program and then makes sure that it was the
// program's: the call must still wait.
func (c *call) read(address uint64, size int) ([]byte, error) {
	turn, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer turn.Leave()
	buf := make([]byte, size)
	if err := target.Read(c.Call.Thread, address, buf); err != nil {
		return nil, err
	}
	if !c.Waiting() {
		return nil, notify.ErrGone
	}
	return buf, nil
}

// write copies bytes into memory of the program.
func (c *call) write(address uint64, b []byte) error {
	turn, err := c.enter()
	if err != nil {
		return err
	}
	defer turn.Leave()
	if !c.Waiting() {
		return notify.ErrGone
	}
	return target.Write(c.Call.Thread, address, b)
}

// readAddress copies the sockaddr of connect or bind; its size is judged as
// move_addr_to_kernel does.
func (c *call) readAddress() ([]byte, error) {
	size := int(int32(c.Args[2]))
	if size < 0 || size > abi.MaxSockaddr {
		return nil, abi.EINVAL
	}
	return c.read(c.Args[1], size)
}

// readLength copies a value-result length.
func (c *call) readLength(address uint64) (int, error) {
	b, err := c.read(address, 4)
	if err != nil {
		return 0, err
	}
	size := int(int32(binary.NativeEndian.Uint32(b)))
	if size < 0 {
		return 0, abi.EINVAL
	}
	return size, nil
}

func (c *call) writeLength(address uint64, n int) error {
	return c.write(address, binary.NativeEndian.AppendUint32(nil, uint32(n)))
}

// writeValue writes a value and its full size. Nobody else answers a call in
// between, so one look at whether it waits is enough.
func (c *call) writeValue(to uint64, value []byte, length uint64, n int) error {
	turn, err := c.enter()
	if err != nil {
		return err
	}
	defer turn.Leave()
	if !c.Waiting() {
		return notify.ErrGone
	}
	return target.WriteBoth(c.Call.Thread, to, value, length,
		binary.NativeEndian.AppendUint32(nil, uint32(n)))
}

// writeAddress writes a sockaddr, as much of it as fits, and its full size, as
// move_addr_to_user does.
func (c *call) writeAddress(addr []byte, to, length uint64) error {
	size, err := c.readLength(length)
	if err != nil {
		return err
	}
	return c.writeValue(to, addr[:min(size, len(addr))], length, len(addr))
}
