package harden

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Rights to files, as Landlock has them.
const (
	readFile = unix.LANDLOCK_ACCESS_FS_READ_FILE
	execute  = unix.LANDLOCK_ACCESS_FS_EXECUTE
)

// Paths are what a confined process may open, for reading alone: files, or
// folders and all beneath. Those that are not there are passed over.
type Paths struct {
	Read []string
	// Execute may be executed too, by whoever confines itself before it
	// becomes the process in question.
	Execute []string
}

// layers are the rights that versions of Landlock can deny, landlock(7).
var layers = []struct {
	abi         int
	fs, net, to uint64
}{
	{1, 1<<13 - 1, 0, 0},
	{2, unix.LANDLOCK_ACCESS_FS_REFER, 0, 0},
	{3, unix.LANDLOCK_ACCESS_FS_TRUNCATE, 0, 0},
	{4, 0, unix.LANDLOCK_ACCESS_NET_BIND_TCP, 0},
	{5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV, 0, 0},
	{6, 0, 0, unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL},
}

// denied is what is denied with a version.
func denied(abi int) (attr sys.LandlockAttr) {
	for _, l := range layers {
		if abi >= l.abi {
			attr.HandledFS |= l.fs
			attr.HandledNet |= l.net
			attr.Scoped |= l.to
		}
	}
	return attr
}

// ErrNoLandlock is the error of a kernel without Landlock.
var ErrNoLandlock = errors.New("there is no Landlock: it needs Linux 5.13 or later, and may be switched off, or refused to a container")

// Confine denies the calling thread, and all that it starts from now on, the
// file system but for the given paths. As far as the kernel can, it denies
// listening on TCP ports, signals to processes outside and abstract sockets
// (Linux 6.7 and 6.12), too. It returns the version of Landlock. The caller has
// locked the thread, which has no_new_privs.
func Confine(paths Paths) (abi int, err error) {
	abi, err = sys.LandlockABI()
	// EPERM: a container's seccomp profile knows none of its calls.
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM) {
		return 0, ErrNoLandlock
	}
	if err != nil {
		return 0, fmt.Errorf("asking for Landlock: %w", err)
	}
	ruleset, err := sys.LandlockRuleset(denied(abi))
	if err != nil {
		return abi, err
	}
	defer ruleset.Close()
	for _, p := range paths.Read {
		if err := allowPath(ruleset, p, readFile); err != nil {
			return abi, err
		}
	}
	for _, p := range paths.Execute {
		if err := allowPath(ruleset, p, readFile|execute); err != nil {
			return abi, err
		}
	}
	if err := sys.LandlockRestrict(ruleset); err != nil {
		return abi, fmt.Errorf("putting Landlock into force: %w", err)
	}
	return abi, nil
}

func allowPath(ruleset *sys.FD, path string, rights uint64) error {
	n, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("allowing %s: %w", path, err)
	}
	fd := sys.Own(n)
	defer fd.Close()
	if err := sys.LandlockAllow(ruleset, rights, fd); err != nil {
		return fmt.Errorf("allowing %s: %w", path, err)
	}
	return nil
}
