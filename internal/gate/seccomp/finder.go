package seccomp

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/shares"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Finder finds descriptors of watched programs.
type Finder struct {
	handles *target.Handles
	turns   *shares.Pool
}

// NewFinder returns a finder.
func NewFinder() *Finder {
	return &Finder{handles: target.NewHandles(), turns: shares.New(shares.Default)}
}

// thread asks for a turn to look at a thread that is in no call.
type thread int

// Owner is that of shares.Asker.
func (t thread) Owner() (shares.Owner, error) { return ownerOf(int(t)) }

var errNotFound = errors.New("no program has a descriptor of the socket")

// Find implements unixend.Finder.
func (f *Finder) Find(inode uint64, hint endpoint.Where, search bool) (*sys.FD, error) {
	if fd, err := f.try(inode, hint.Thread, hint.FD); err == nil {
		return fd, nil
	}
	if search && inode != 0 {
		if process, n, ok := target.FindDescriptor(inode); ok {
			return f.try(inode, process, n)
		}
	}
	return nil, errNotFound
}

func (f *Finder) try(inode uint64, id, n int) (*sys.FD, error) {
	if id == 0 {
		return nil, errNotFound
	}
	turn, err := f.turns.Enter(thread(id))
	if err != nil {
		return nil, err
	}
	fd, err := f.handles.Duplicate(id, n)
	turn.Leave()
	if err != nil {
		return nil, err
	}
	if got, err := fd.SocketInode(); err != nil || got != inode {
		fd.Close()
		return nil, unix.EBADF
	}
	return fd, nil
}
