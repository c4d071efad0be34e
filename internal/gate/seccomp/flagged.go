package seccomp

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
)

// flags are those of a call that sends or receives.
func (c *call) flags(kind filter.Call) int { return int(int32(c.Args[kind.FlagsArg()])) }

// sendFlagged is a call that sends with flags that a local stream does not treat
// as TCP does, or that connects.
func sendFlagged(c *call) (int64, error) {
	kind, _ := c.gate.cfg.Arch.Lookup(c.Number)
	if c.flags(kind)&(unix.MSG_OOB|unix.MSG_ZEROCOPY) != 0 {
		return 0, abi.EOPNOTSUPP
	}
	return fastOpen(c)
}

// maxPeek is how much is looked at with MSG_PEEK, more than a stream holds.
const maxPeek = 1 << 20

// discard is recv or recvmsg with MSG_TRUNC, by which TCP drops what it has
// received: tcp(7). MSG_WAITALL has no effect.
func discard(c *call) (int64, error) {
	kind, _ := c.gate.cfg.Arch.Lookup(c.Number)
	flags := c.flags(kind)
	size, err := c.discardSize(kind)
	switch {
	case err != nil:
		return 0, err
	case flags&unix.MSG_OOB != 0:
		return 0, abi.EINVAL
	case flags&unix.MSG_ERRQUEUE != 0:
		return 0, abi.EAGAIN
	}
	end, err := c.descriptor()
	if err != nil {
		return 0, err
	}
	defer end.Close()
	n, err := c.drop(end.Int(), size, flags)
	if !errors.Is(err, unix.EAGAIN) || flags&unix.MSG_DONTWAIT != 0 {
		return n, err
	}
	if nonblock, flagsErr := end.Nonblocking(); nonblock || flagsErr != nil {
		return 0, err
	}
	c.then = func() (int64, error) {
		end, err := c.descriptor()
		if err != nil {
			return 0, err
		}
		defer end.Close()
		return c.drop(end.Int(), size, flags)
	}
	return 0, c.socket.AwaitData(c)
}

// drop takes up to size bytes away from a stream, without waiting, or counts
// them with MSG_PEEK.
func (c *call) drop(fd int, size uint64, flags int) (total int64, err error) {
	turn, err := c.enter() // who reads or writes there may hold it up
	if err != nil {
		return 0, err
	}
	defer turn.Leave()
	peek := flags & unix.MSG_PEEK
	buf := make([]byte, min(size, 64<<10))
	if peek != 0 {
		buf = make([]byte, min(size, maxPeek))
	}
	for {
		n, _, err := unix.Recvfrom(fd, buf[:min(uint64(len(buf)), size-uint64(total))],
			unix.MSG_DONTWAIT|peek)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil && total == 0 {
			return 0, err
		}
		total += int64(max(n, 0))
		if err != nil || n <= 0 || peek != 0 || uint64(total) == size {
			return total, nil
		}
	}
}

// discardSize is how much a call asks for. That of recvmsg also tells, as the
// kernel would, that no address and nothing else came with it.
func (c *call) discardSize(kind filter.Call) (uint64, error) {
	if kind == filter.Recvfrom {
		return c.Args[2], nil
	}
	header, err := c.read(c.Args[1], sizeMsghdr)
	if err != nil {
		return 0, err
	}
	vectors, count := binary.NativeEndian.Uint64(header[16:]), binary.NativeEndian.Uint64(header[24:])
	if count > maxVectors {
		return 0, unix.EMSGSIZE
	}
	list, err := c.read(vectors, int(count)*16)
	if err != nil {
		return 0, err
	}
	size := uint64(0)
	for ; len(list) > 0; list = list[16:] {
		size = min(size+min(binary.NativeEndian.Uint64(list[8:]), 1<<31), 1<<31)
	}
	clear(header[8:12])  // msg_namelen
	clear(header[40:52]) // msg_controllen, msg_flags
	return size, c.write(c.Args[1], header)
}

// Of struct msghdr, recvmsg(2), and UIO_MAXIOV.
const (
	sizeMsghdr = 56
	maxVectors = 1024
)
