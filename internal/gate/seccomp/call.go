package seccomp

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/shares"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/unixend"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/socket"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// call is one system call under way. It is the socket package's Caller.
type call struct {
	gate *Gate
	notify.Call
	socket            *socket.Socket // the socket of the descriptor in the first argument
	inode             uint64
	owner             atomic.Pointer[shares.Owner]
	older             bool // the descriptor is an older copy, see renewed
	looks, passedOver int  // of signals.go
	// then makes the result of a call whose connect has succeeded, nil for
	// those that are connects themselves.
	then func() (int64, error)
}

func (c *call) fd() int { return int(int32(c.Args[0])) }

// find looks up whether the descriptor is one of our sockets.
func (c *call) find() (bool, error) {
	table := c.gate.cfg.Sockets
	if table.Empty() {
		return false, nil
	}
	if seen, err := c.lookAt(); !seen {
		if errors.Is(err, errContinue) || errors.Is(err, errUnseen) {
			err = nil
		}
		return false, err
	}
	inode := c.inode
	if c.socket = table.Lookup(inode); c.socket != nil {
		return true, nil
	}
	if c.socket = table.Older(inode); c.socket != nil {
		c.older = true
		return true, nil
	}
	if !table.Unclaimed() {
		return false, nil
	}
	end, err := c.End()
	if errors.Is(err, shares.ErrCrowded) {
		return false, err
	}
	if err != nil {
		return false, nil
	}
	defer end.Close()
	c.socket = table.Claim(end, inode)
	return c.socket != nil, nil
}

// errUnseen says that the kernel does not let this process look at the program.
// The program has no socket that works, then.
var errUnseen = errors.Join(abi.EPERM, errors.New("the program is not dumpable, and ssa run may look at it only as root (CAP_SYS_PTRACE)"))

// lookAt finds the inode of the descriptor. When it is no socket, the error is
// errContinue.
func (c *call) lookAt() (seen bool, err error) {
	turn, err := c.enter()
	if err != nil {
		return false, err
	}
	inode, err := target.SocketInode(c.Call.Thread, c.fd())
	turn.Leave()
	switch {
	case err == nil:
		c.inode = inode
		return true, nil
	case errors.Is(err, fs.ErrPermission):
		c.gate.tellUnseen(c)
		return false, errUnseen
	}
	return false, errContinue
}

// enter waits for a turn to look at the program. Whoever has it does nothing
// else before its end, and enters no second time.
func (c *call) enter() (shares.Turn, error) { return c.gate.turns.Enter(c) }

// Owner says whose call it is, for package shares.
func (c *call) Owner() (shares.Owner, error) {
	if known := c.owner.Load(); known != nil {
		return *known, nil
	}
	owner, err := ownerOf(c.Call.Thread)
	if err != nil || !c.Waiting() {
		return shares.Owner{}, notify.ErrGone
	}
	c.owner.Store(&owner)
	return owner, nil
}

func ownerOf(thread int) (shares.Owner, error) {
	status, err := program.ReadStatus(thread)
	return shares.Owner{Process: status.Process, User: status.UIDs[0]}, err
}

func (c *call) proceed() error { return c.gate.cfg.Listener.Continue(c.ID) }

// Thread returns the id of the calling thread.
func (c *call) Thread() int { return c.Call.Thread }

// String names the program.
func (c *call) String() string {
	return fmt.Sprintf("%s[%d]", c.name(), c.Call.Thread)
}

// Where tells the place of the call's descriptor.
func (c *call) Where() endpoint.Where { return endpoint.Where{Thread: c.Call.Thread, FD: c.fd()} }

// End implements socket.Caller.
func (c *call) End() (endpoint.End, error) {
	fd, err := c.descriptor()
	if err != nil {
		return nil, err
	}
	return c.gate.cfg.Ends.Of(fd), nil
}

// descriptor duplicates the descriptor of the call, and makes sure that it still
// is the socket the call was about: another thread may have closed and reopened
// the number.
func (c *call) descriptor() (*sys.FD, error) {
	fd, err := c.duplicate()
	if err != nil {
		return nil, err
	}
	if inode, err := fd.SocketInode(); err != nil || inode != c.inode {
		fd.Close()
		return nil, abi.EBADF
	}
	return fd, nil
}

func (c *call) duplicate() (*sys.FD, error) {
	turn, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer turn.Leave()
	return c.gate.handles.Duplicate(c.Call.Thread, c.fd())
}

// Replace puts another end in the place of all descriptors that the process has
// of the call's socket; epoll sets that watch them go on with it.
func (c *call) Replace(end endpoint.End) error {
	fd := unixend.FD(end)
	old, err := c.descriptor()
	if err != nil {
		return err
	}
	defer old.Close()
	inode, err := fd.SocketInode()
	if err != nil {
		return err
	}
	turn, err := c.enter()
	if err != nil {
		return err
	}
	defer turn.Leave()
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

// Holder implements socket.Caller. This process gives up what it has of the
// socket.
func (c *call) Holder(above bool) string {
	turn, err := c.enter()
	if err != nil {
		return "?"
	}
	defer turn.Leave()
	sys.LeaveStandard(c.inode)
	pid := target.Holder(c.Call.Thread, c.inode, above)
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
func (c *call) Give(end endpoint.End, peer []byte) (endpoint.Where, error) {
	connection := unixend.FD(end)
	if err := c.writeAddress(peer, c.Args[1], c.Args[2]); err != nil {
		return endpoint.Where{}, err
	}
	flags := 0
	if c.Number == c.gate.cfg.Arch.Numbers[filter.Accept4] {
		flags = int(int32(c.Args[3]))
	}
	if flags&unix.SOCK_NONBLOCK != 0 {
		if err := unix.SetNonblock(connection.Int(), true); err != nil {
			return endpoint.Where{}, err
		}
	}
	n, err := c.gate.cfg.Listener.ReplyFD(c.ID, connection.Int(), flags&unix.SOCK_CLOEXEC != 0)
	return endpoint.Where{Thread: c.Call.Thread, FD: n}, err
}
