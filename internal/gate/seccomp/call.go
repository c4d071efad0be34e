package seccomp

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/socket"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// call is one system call under way. It is the socket package's Caller.
type call struct {
	gate *Gate
	notify.Call
	socket            *socket.Socket // the socket of the descriptor in the first argument
	inode             uint64
	older             bool // the descriptor is an older copy, see renewed
	looks, passedOver int  // of signals.go
	// then makes the result of a call whose connect has succeeded, nil for
	// those that are connects themselves.
	then func() (int64, error)
}

func (c *call) fd() int { return int(int32(c.Args[0])) }

// find looks up whether the descriptor is one of our sockets.
func (c *call) find() bool {
	table := c.gate.cfg.Sockets
	if table.Empty() || !c.lookAt() {
		return false
	}
	inode := c.inode
	if c.socket = table.Lookup(inode); c.socket != nil {
		return true
	}
	if c.socket = table.Older(inode); c.socket != nil {
		c.older = true
		return true
	}
	if !table.Unclaimed() {
		return false
	}
	end, err := c.End()
	if err != nil {
		return false
	}
	defer end.Close()
	c.socket = table.Claim(end, inode)
	return c.socket != nil
}

// lookAt finds the inode of the descriptor, if it is a socket.
func (c *call) lookAt() bool {
	inode, ok := target.SocketInode(c.Call.Thread, c.fd())
	c.inode = inode
	return ok
}

func (c *call) proceed() error { return c.gate.cfg.Listener.Continue(c.ID) }

// Thread returns the id of the calling thread.
func (c *call) Thread() int { return c.Call.Thread }

// String names the program.
func (c *call) String() string {
	return fmt.Sprintf("%s[%d]", c.name(), c.Call.Thread)
}

// Where tells the place of the call's descriptor.
func (c *call) Where() socket.Where { return socket.Where{Thread: c.Call.Thread, FD: c.fd()} }

// End duplicates the descriptor of the call, and makes sure that it still is
// the socket the call was about: another thread may have closed and reopened
// the number.
func (c *call) End() (*sys.FD, error) {
	end, err := c.gate.handles.Duplicate(c.Call.Thread, c.fd())
	if err != nil {
		return nil, err
	}
	if inode, err := end.SocketInode(); err != nil || inode != c.inode {
		end.Close()
		return nil, abi.EBADF
	}
	return end, nil
}

// Replace puts fd in the place of all descriptors that the process has of the
// call's socket; epoll sets that watch them go on with fd.
func (c *call) Replace(fd *sys.FD) error {
	old, err := c.End()
	if err != nil {
		return err
	}
	defer old.Close()
	inode, err := fd.SocketInode()
	if err != nil {
		return err
	}
	// Another thread may duplicate one that has not been replaced yet.
	for range maxRounds {
		left := target.Descriptors(c.Call.Thread, c.inode)
		if len(left) == 0 {
			c.inode = inode
			return nil
		}
		for _, n := range left {
			if err := c.replaceOne(n, old, fd); err != nil {
				return err
			}
		}
	}
	return abi.EBUSY
}

// maxRounds is how often descriptors are looked for that are to be replaced.
const maxRounds = 100

// Holder implements socket.Caller.
func (c *call) Holder() string {
	sys.LeaveStandard(c.inode)
	pid := target.Holder(c.Call.Thread, c.inode)
	if pid == 0 {
		return ""
	}
	e, err := program.ExecutableOf(pid)
	if err != nil {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("%s[%d]", filepath.Base(e.Path), pid)
}

func (c *call) replaceOne(n int, old, fd *sys.FD) error {
	cloexec := target.CloseOnExec(c.Call.Thread, n)
	if err := c.gate.cfg.Listener.ReplaceFD(c.ID, fd.Int(), n, cloexec); err != nil {
		return err
	}
	return c.gate.handles.MoveRegistrations(c.Call.Thread, n, c.inode, old, fd)
}

// Rights returns the program's rights.
func (c *call) Rights() (socket.Rights, error) {
	r, err := c.gate.cfg.Own.Rights(c.Call.Thread)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ReadFile reads a file, or the files of a folder, as the program could.
func (c *call) ReadFile(path string) (files [][]byte, folder bool, err error) {
	r, err := c.gate.cfg.Own.Rights(c.Call.Thread)
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	return c.gate.handles.ReadFile(c.Call.Thread, r, path)
}

// Waiting reports whether the call still waits for its answer.
func (c *call) Waiting() bool { return c.gate.cfg.Listener.Valid(c.ID) }

// Answer ends the call.
func (c *call) Answer(err error) error {
	value := int64(0)
	if err == nil && c.then != nil {
		value, err = c.then()
	}
	return c.end(value, err)
}

// end ends the call with its result, or with an error. The socket is told of
// every outcome here, before the program.
func (c *call) end(value int64, err error) error {
	c.conclude(err)
	errno := 0
	if err != nil {
		errno, value = int(socket.Errno(err)), 0
	}
	return c.gate.cfg.Listener.Reply(c.ID, value, errno)
}

// Give ends an accept with a descriptor and the peer's address.
func (c *call) Give(connection *sys.FD, peer []byte) (socket.Where, error) {
	if err := c.writeAddress(peer, c.Args[1], c.Args[2]); err != nil {
		return socket.Where{}, err
	}
	flags := 0
	if c.Number == c.gate.cfg.Arch.Numbers[filter.Accept4] {
		flags = int(int32(c.Args[3]))
	}
	if flags&unix.SOCK_NONBLOCK != 0 {
		if err := unix.SetNonblock(connection.Int(), true); err != nil {
			return socket.Where{}, err
		}
	}
	n, err := c.gate.cfg.Listener.ReplyFD(c.ID, connection.Int(), flags&unix.SOCK_CLOEXEC != 0)
	return socket.Where{Thread: c.Call.Thread, FD: n}, err
}
