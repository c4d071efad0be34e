package target

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Own is this process's identity, against which programs are compared.
type Own struct {
	status program.Status
	users  program.Namespace
	net    unix.Stat_t
}

// Self reads this process's identity.
func Self() (*Own, error) {
	status, err := program.ReadStatus(os.Getpid())
	if err != nil {
		return nil, err
	}
	o := &Own{status: status}
	if o.users, err = program.OwnNamespace(); err != nil {
		return nil, err
	}
	if err := unix.Stat("/proc/self/ns/net", &o.net); err != nil {
		return nil, fmt.Errorf("looking at our network namespace: %w", err)
	}
	return o, nil
}

// Privileged reports whether this process has rights that a program under it
// may have dropped.
func (o *Own) Privileged() bool { return o.status.Capabilities != 0 || o.status.UIDs[3] == 0 }

// Rights are a program's rights at one moment: credentials, capabilities and
// network namespace. What is done for the program is done with these.
type Rights struct {
	status *program.Status // nil: the same credentials as ours
	net    *sys.FD         // nil: the same network namespace
}

// Rights reads a thread's rights. A thread whose network namespace this
// process cannot enter is ENETDOWN: a socket made elsewhere would let it out.
func (o *Own) Rights(thread int) (*Rights, error) {
	r := &Rights{}
	var net unix.Stat_t
	path := "/proc/" + strconv.Itoa(thread) + "/ns/net"
	if err := unix.Stat(path, &net); err != nil {
		return nil, fmt.Errorf("looking at the program's network namespace: %w", err)
	}
	if net.Ino != o.net.Ino || net.Dev != o.net.Dev {
		n, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("opening the program's network namespace: %w", err)
		}
		r.net = sys.Own(n)
	}
	if o.Privileged() {
		if err := o.limit(r, thread); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// limit notes the credentials of a thread that has others than this process.
func (o *Own) limit(r *Rights, thread int) error {
	users, err := program.NamespaceOf(thread)
	if err != nil || users == o.users && o.sameAtAGlance(thread) {
		return err
	}
	status, err := program.ReadStatus(thread)
	if err != nil {
		return err
	}
	if users != o.users {
		if err := r.outside(&status, users); err != nil {
			return err
		}
	} else if o.sameCredentials(&status) {
		return nil
	}
	r.status = &status
	return nil
}

// outside leaves of the capabilities of a program in another user namespace what
// they are worth here: nothing, as to files and to networks that do not belong
// to that namespace (user_namespaces(7)).
func (r *Rights) outside(status *program.Status, users program.Namespace) error {
	held := status.Capabilities
	status.Capabilities = 0
	if r.net == nil {
		return nil
	}
	owns, err := users.OwnsNetwork(r.net)
	if owns {
		status.Capabilities = held & (1 << unix.CAP_NET_BIND_SERVICE)
	}
	return err
}

// sameAtAGlance compares the user, group and capabilities alone, which is
// cheaper than all of a thread's status. Where this process may override file
// permissions nothing else counts: file system ids that differ from the
// effective ones take that capability away (capabilities(7)).
func (o *Own) sameAtAGlance(thread int) bool {
	const override = 1 << unix.CAP_DAC_OVERRIDE
	if o.status.Capabilities&override == 0 {
		return false
	}
	var st unix.Stat_t
	if err := unix.Stat("/proc/"+strconv.Itoa(thread), &st); err != nil ||
		st.Uid != o.status.UIDs[3] || st.Gid != o.status.GIDs[3] {
		return false
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3, Pid: int32(thread)}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return uint64(data[0].Effective)|uint64(data[1].Effective)<<32 == o.status.Capabilities
}

// Same reports whether a thread has this process's credentials, all of them.
func (o *Own) Same(thread int) (bool, error) {
	s, err := program.ReadStatus(thread)
	if err != nil {
		return false, err
	}
	users, err := program.NamespaceOf(thread)
	if err != nil {
		return false, err
	}
	return users == o.users && s.UIDs == o.status.UIDs && s.GIDs == o.status.GIDs &&
		o.sameCredentials(&s), nil
}

func (o *Own) sameCredentials(s *program.Status) bool {
	return s.UIDs[3] == o.status.UIDs[3] && s.GIDs[3] == o.status.GIDs[3] &&
		s.Capabilities == o.status.Capabilities && slices.Equal(s.Groups, o.status.Groups)
}

// Close releases what Rights holds.
func (r *Rights) Close() {
	if r.net != nil {
		r.net.Close()
	}
}

// OwnNetwork reports whether the network namespace is this process's own.
func (r *Rights) OwnNetwork() bool { return r.net == nil }

// Socket makes a socket in the program's network namespace. What is done with it
// later needs no namespace: a socket stays where it was made.
func (r *Rights) Socket(family, kind, protocol int) (fd *sys.FD, err error) {
	make := func() (err error) {
		fd, err = sys.Socket(family, kind, protocol)
		return err
	}
	if r.net == nil {
		err = r.Do(make)
		return fd, err
	}
	var entering error
	err = r.onThread(func() error {
		if entering = unix.Setns(r.net.Int(), unix.CLONE_NEWNET); entering != nil {
			return nil
		}
		if err := r.assume(); err != nil {
			return err
		}
		return make()
	})
	if errors.Is(entering, unix.EPERM) {
		fd, entering = r.socketBelow(family, kind, protocol)
	}
	if entering != nil {
		return nil, errors.Join(abi.ENETDOWN, fmt.Errorf("entering the program's network namespace: %w", entering))
	}
	return fd, err
}

// socketBelow makes a socket for a process that has no rights in its own user
// namespace, and all of them in one that its user has made.
func (r *Rights) socketBelow(family, kind, protocol int) (*sys.FD, error) {
	users, err := program.OwnerOfNetwork(r.net)
	if err != nil {
		return nil, err
	}
	defer users.Close()
	return sys.SocketIn(users, r.net, family, kind, protocol)
}

// Do runs f with the rights. f must do its system calls on the calling
// goroutine.
func (r *Rights) Do(f func() error) error {
	if r.status == nil {
		return f()
	}
	return r.onThread(func() error {
		if err := r.assume(); err != nil {
			return err
		}
		return f()
	})
}

// onThread runs f on a thread of its own: credentials and namespaces are changed
// for that alone (setfsuid(2), capset(2), setns(2)). The goroutine ends locked,
// and the thread ends with it.
func (r *Rights) onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// assume gives the calling thread the rights. The file system identity is
// changed rather than the effective one, so that the program's user may not
// signal or trace this thread.
func (r *Rights) assume() error {
	if r.status == nil {
		return nil
	}
	if err := setGroups(r.status.Groups); err != nil {
		return fmt.Errorf("taking the program's groups: %w", err)
	}
	if err := setFileSystemIDs(r.status.UIDs[3], r.status.GIDs[3]); err != nil {
		return err
	}
	if err := limitCapabilities(r.status.Capabilities); err != nil {
		return fmt.Errorf("taking the program's capabilities: %w", err)
	}
	return nil
}
