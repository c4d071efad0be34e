package sys

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// FD owns one descriptor. The zero value and nil own nothing. Close may be
// called more than once and from any goroutine; the others must not race with
// it.
type FD struct {
	n atomic.Int32 // descriptor + 1, 0 when nothing is owned
}

// Own takes ownership of descriptor n.
func Own(n int) *FD {
	f := &FD{}
	f.n.Store(int32(n) + 1)
	if n >= 0 {
		began(f)
	}
	return f
}

// Int returns the descriptor, -1 when nothing is owned any more.
func (f *FD) Int() int {
	if f == nil {
		return -1
	}
	return int(f.n.Load()) - 1
}

// Close closes the descriptor; again it does nothing.
func (f *FD) Close() error {
	if f == nil {
		return nil
	}
	n := f.n.Swap(0)
	if n == 0 {
		return nil
	}
	ended(f)
	return unix.Close(int(n) - 1)
}

// Disown gives the descriptor up to the caller, -1 when there is none.
func (f *FD) Disown() int {
	ended(f)
	return int(f.n.Swap(0)) - 1
}

// Dup returns a duplicate with close-on-exec set.
func (f *FD) Dup() (*FD, error) {
	n, err := unix.FcntlInt(uintptr(f.Int()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicating a descriptor: %w", err)
	}
	return Own(n), nil
}

// Nonblocking reports whether O_NONBLOCK is set on the open file.
func (f *FD) Nonblocking() (bool, error) {
	flags, err := unix.FcntlInt(uintptr(f.Int()), unix.F_GETFL, 0)
	if err != nil {
		return false, fmt.Errorf("reading file status flags: %w", err)
	}
	return flags&unix.O_NONBLOCK != 0, nil
}

// SocketInode returns the inode of a socket, the number in "socket:[N]"
// (proc(5)). It identifies the socket across dup, fork and SCM_RIGHTS.
func (f *FD) SocketInode() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.Int(), &st); err != nil {
		return 0, fmt.Errorf("fstat of a socket: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return 0, unix.ENOTSOCK
	}
	return st.Ino, nil
}
