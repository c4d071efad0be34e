package program

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Namespace tells user namespaces apart, as the links in /proc/PID/ns do: by a
// number that no other has at the same time.
type Namespace string

// OwnNamespace returns this process's user namespace.
func OwnNamespace() (Namespace, error) { return userNamespace("self") }

// NamespaceOf returns a thread's user namespace. Capabilities count in the one
// that they are held in, and below.
func NamespaceOf(thread int) (Namespace, error) { return userNamespace(strconv.Itoa(thread)) }

func userNamespace(process string) (Namespace, error) {
	link, err := readlink("/proc/" + process + "/ns/user")
	if errors.Is(err, unix.ENOENT) { // a kernel without user namespaces
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking at its user namespace: %w", err)
	}
	return Namespace(link), nil
}

// maxNested is how deep user namespaces can be nested, with some to spare
// (user_namespaces(7): 32).
const maxNested = 40

// above finds out whether a thread's user namespace is another one than this,
// and if so who has made the outermost of those below this one. One that is not
// below belongs to nobody here: the overflow user.
func (own Namespace) above(thread int) (nested bool, owner uint32, err error) {
	path := "/proc/" + strconv.Itoa(thread) + "/ns/user"
	link, err := NamespaceOf(thread)
	if err != nil || link == own {
		return false, 0, err
	}
	n, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true, 0, fmt.Errorf("opening its user namespace: %w", err)
	}
	at := sys.Own(n)
	defer func() { at.Close() }()
	for range maxNested {
		parent, err := unix.IoctlRetInt(at.Int(), unix.NS_GET_PARENT)
		if errors.Is(err, unix.EPERM) {
			return true, nobody, nil // beside this one or above it
		}
		if err != nil {
			return true, 0, fmt.Errorf("looking for what its user namespace is in: %w", err)
		}
		up := sys.Own(parent)
		link, err := readlink("/proc/self/fd/" + strconv.Itoa(parent))
		if err == nil && Namespace(link) == own {
			up.Close()
			owner, err := unix.IoctlGetUint32(at.Int(), unix.NS_GET_OWNER_UID)
			if err != nil {
				err = fmt.Errorf("asking who made its user namespace: %w", err)
			}
			return true, owner, err
		}
		at.Close()
		at = up
		if err != nil {
			return true, 0, err
		}
	}
	return true, nobody, nil
}

// nobody is the user of whom nothing is known, in /proc/sys/kernel/overflowuid
// by default. No account has a namespace as that one's.
const nobody = ^uint32(0)

// OwnsNetwork reports whether a network namespace belongs to this user
// namespace: its capabilities count there.
func (n Namespace) OwnsNetwork(network *sys.FD) (bool, error) {
	users, err := OwnerOfNetwork(network)
	if errors.Is(err, unix.EPERM) {
		return false, nil // it is not below this process's own
	}
	if err != nil {
		return false, err
	}
	defer users.Close()
	link, err := readlink("/proc/self/fd/" + strconv.Itoa(users.Int()))
	return err == nil && Namespace(link) == n, err
}

// OwnerOfNetwork opens the user namespace that a network namespace, opened from
// /proc/PID/ns/net, belongs to. One that is not below this process's own is
// EPERM.
func OwnerOfNetwork(network *sys.FD) (*sys.FD, error) {
	n, err := unix.IoctlRetInt(network.Int(), unix.NS_GET_USERNS)
	if err != nil {
		return nil, fmt.Errorf("asking to whom a network namespace belongs: %w", err)
	}
	return sys.Own(n), nil
}
