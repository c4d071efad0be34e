package sys

import (
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// UnixName is an address of an AF_UNIX socket that only this process can
// connect to: a path in /proc/self/fd of a socket file that is unlinked.
type UnixName struct {
	mu   sync.RWMutex // a number in use is not closed, and given to another file
	file *FD          // O_PATH descriptor of the socket's file

	// Number stands for the socket in Closings, -1 where it is not watched.
	Number int

	askMu sync.Mutex
	asker *FD // of Bound, nil before its first call
}

// BindHidden binds an AF_UNIX socket to a fresh file in a fresh folder below dir
// and removes both at once, so that nobody but the holder of the result can
// connect to the socket, and a process that is killed leaves nothing behind.
func BindHidden(socket int, dir string) (*UnixName, error) {
	private, err := os.MkdirTemp(dir, "ssa-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the name of a socket: %w", err)
	}
	defer os.Remove(private)
	path := private + "/l"
	if err := unix.Bind(socket, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("binding %s: %w", path, err)
	}
	n, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if rmErr := unix.Unlink(path); err == nil {
		err = rmErr
	}
	if err != nil {
		if n >= 0 {
			unix.Close(n)
		}
		return nil, fmt.Errorf("hiding %s: %w", path, err)
	}
	return &UnixName{file: Own(n), Number: -1}, nil
}

// BindWatched is BindHidden for a socket whose end is to be told. We connect to
// it by a second name, since one that we hold does not go with the socket. Where
// that cannot be done, the socket is bound and not watched.
func BindWatched(socket int, dir string, closings *Closings) (*UnixName, error) {
	if closings == nil {
		return BindHidden(socket, dir)
	}
	private, err := os.MkdirTemp(dir, "ssa-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the name of a socket: %w", err)
	}
	defer os.Remove(private)
	path, second := private+"/l", private+"/m"
	if err := unix.Bind(socket, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("binding %s: %w", path, err)
	}
	number, watchErr := closings.add(path)
	held := path
	if watchErr == nil && unix.Link(path, second) == nil {
		held = second
	}
	n, err := unix.Open(held, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if held == second {
		if rmErr := unix.Unlink(second); err == nil {
			err = rmErr
		}
	}
	if rmErr := unix.Unlink(path); err == nil {
		err = rmErr
	}
	if err != nil {
		if n >= 0 {
			unix.Close(n)
		}
		return nil, fmt.Errorf("hiding %s: %w", path, err)
	}
	if held == path {
		number = -1
	}
	return &UnixName{file: Own(n), Number: number}, nil
}

// Connect connects a non-blocking AF_UNIX stream socket to the name. It gets
// EAGAIN when the listener's queue is full; ECONNREFUSED means that nobody listens
// any more.
func (u *UnixName) Connect(socket int) error {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if u.file.Int() < 0 {
		return unix.ECONNREFUSED
	}
	return ConnectUnix(socket, "/proc/self/fd/"+strconv.Itoa(u.file.Int()))
}

// Bound reports whether the socket is open anywhere. The kernel refuses to
// connect a datagram socket to a stream socket, EPROTOTYPE, and to a name whose
// socket is closed, ECONNREFUSED (unix_find_bsd in its net/unix/af_unix.c): so
// the one that is asked about notices nothing.
func (u *UnixName) Bound() (bool, error) {
	u.askMu.Lock()
	defer u.askMu.Unlock()
	if u.file.Int() < 0 {
		return false, nil
	}
	if u.asker == nil {
		asker, err := Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err != nil {
			return false, fmt.Errorf("asking for a socket by its name: %w", err)
		}
		u.asker = asker
	}
	switch err := u.Connect(u.asker.Int()); err {
	case unix.EPROTOTYPE:
		return true, nil
	case unix.ECONNREFUSED:
		return false, nil
	default:
		return false, fmt.Errorf("asking for a socket by its name: %w", err)
	}
}

// Close forgets the name.
func (u *UnixName) Close() error {
	u.askMu.Lock()
	defer u.askMu.Unlock()
	u.asker.Close()
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.file.Close()
}
