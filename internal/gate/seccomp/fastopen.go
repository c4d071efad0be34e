package seccomp

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
)

// maxFirst is how much is sent at once by a call that connects, too: send(2)
// tells the program how much it was.
const maxFirst = 16 << 10

// message is what a call with MSG_FASTOPEN sends, and to whom.
type message struct {
	address, data []byte
	flags         int
}

// fastOpen is sendto or sendmsg with MSG_FASTOPEN: it connects, and then sends.
// A non-blocking socket says EINPROGRESS and sends nothing, as TCP without a
// cookie does.
func fastOpen(c *call) (int64, error) {
	m, err := c.readMessage()
	if err != nil {
		return 0, err
	}
	if m.flags&(unix.MSG_OOB|unix.MSG_ZEROCOPY) != 0 {
		return 0, abi.EOPNOTSUPP
	}
	c.then = func() (int64, error) { return c.sendFirst(m.data) }
	if err := c.socket.Connect(c, m.address); err != nil {
		return 0, err
	}
	return c.then()
}

// sendFirst sends on a connection that was made just now, and so has room.
func (c *call) sendFirst(data []byte) (int64, error) {
	end, err := c.descriptor()
	if err != nil {
		return 0, err
	}
	defer end.Close()
	turn, err := c.enter() // who reads or writes there may hold it up
	if err != nil {
		return 0, err
	}
	defer turn.Leave()
	n, err := unix.SendmsgN(end.Int(), data, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return int64(n), err
}

// foreignFastOpen is the same call on a socket that is not ours where the
// policy judges connections: TCP Fast Open is switched off.
func foreignFastOpen(*call) (int64, error) { return 0, abi.EOPNOTSUPP }

func (c *call) readMessage() (m message, err error) {
	switch c.Number {
	case c.gate.cfg.Arch.Numbers[filter.Sendto]:
		m.flags = int(int32(c.Args[3]))
		if m.address, err = c.readName(c.Args[4], int(int32(c.Args[5]))); err != nil {
			return m, err
		}
		m.data, err = c.read(c.Args[1], int(min(c.Args[2], maxFirst)))
		return m, err
	case c.gate.cfg.Arch.Numbers[filter.Sendmsg]:
		m.flags = int(int32(c.Args[2]))
		return c.readHeader(m)
	}
	return m, abi.EOPNOTSUPP // sendmmsg: nobody sends several messages as a stream's first
}

// readName copies the address that a message goes to.
func (c *call) readName(address uint64, size int) ([]byte, error) {
	if size < 0 || size > abi.MaxSockaddr {
		return nil, abi.EINVAL
	}
	if address == 0 {
		size = 0
	}
	return c.read(address, size)
}

// readHeader follows a struct msghdr, recvmsg(2).
func (c *call) readHeader(m message) (message, error) {
	header, err := c.read(c.Args[1], 56)
	if err != nil {
		return m, err
	}
	field := func(at int) uint64 { return binary.NativeEndian.Uint64(header[at:]) }
	if m.address, err = c.readName(field(0), int(int32(field(8)))); err != nil {
		return m, err
	}
	vectors, count := field(16), field(24)
	if count > 1024 { // UIO_MAXIOV
		return m, unix.EMSGSIZE
	}
	list, err := c.read(vectors, int(count)*16)
	if err != nil {
		return m, err
	}
	for ; len(list) > 0 && len(m.data) < maxFirst; list = list[16:] {
		at, size := binary.NativeEndian.Uint64(list), binary.NativeEndian.Uint64(list[8:])
		part, err := c.read(at, int(min(size, uint64(maxFirst-len(m.data)))))
		if err != nil {
			return m, err
		}
		m.data = append(m.data, part...)
	}
	return m, nil
}
