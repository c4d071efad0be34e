package program

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// root is where the administrator's paths begin, held open from the start on:
// nobody can put another one in its place.
type root struct{ *sys.FD }

// openRoot opens the root folder of the machine's mounts when host is set and
// this process may look at them, and otherwise its own.
func openRoot(host bool) (r root, err error) {
	defer func() {
		if err == nil && host {
			err = r.works()
		}
	}()
	if host {
		// A service may have mounts of its own (PrivateMounts= of systemd).
		if n, err := unix.Open("/proc/1/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC,
			0); err == nil {
			return root{sys.Own(n)}, nil
		}
	}
	n, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return root{}, fmt.Errorf("opening the root folder: %w", err)
	}
	return root{sys.Own(n)}, nil
}

// works reports whether files can be found at all, which a service must not be
// wrong about silently: every program would be elsewhere.
func (r root) works() error {
	fd, err := r.open("/", unix.RESOLVE_IN_ROOT)
	if err != nil {
		r.Close()
		return fmt.Errorf("openat2(2), which finds executables, does not work here: %w (in a unit, RestrictSUIDSGID= takes it away)", err)
	}
	return fd.Close()
}

// tries is how often the kernel is asked for a path that it knows: it gives up
// when mounts or names change in that moment.
const tries = 8

// find opens, by O_PATH, the file that a path names. The path of what runs is
// known to the kernel (its names are in use), so asking a file system, which may
// be another user's and never answer, is not needed. The root's own file system
// is asked, which is the administrator's.
func (r root) find(path string, resolve uint64) (*sys.FD, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, unix.ENOENT
	}
	resolve |= unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
	const cached = 0x20 // RESOLVE_CACHED of openat2(2), Linux 5.12
	for range tries {
		fd, err := r.open(path, resolve|cached)
		if !errors.Is(err, unix.EAGAIN) {
			return fd, err
		}
		runtime.Gosched()
	}
	return r.open(path, resolve|unix.RESOLVE_NO_XDEV)
}

func (r root) open(path string, resolve uint64) (*sys.FD, error) {
	n, err := unix.Openat2(r.Int(), path,
		&unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: resolve})
	if err != nil {
		return nil, err
	}
	return sys.Own(n), nil
}

// executable opens the file at the real path of an executable.
func (r root) executable(path string) (*sys.FD, error) {
	return r.find(path, unix.RESOLVE_NO_SYMLINKS)
}
