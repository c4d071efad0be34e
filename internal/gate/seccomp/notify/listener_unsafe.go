// Package notify is the typed face of seccomp user notification
// (seccomp_unotify(2)): it installs a filter on a new program and lets the
// gate receive, answer and continue its system calls. It knows nothing of what
// the calls mean.
package notify

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// ErrGone says that the notified call is over: its thread was killed or a
// signal ended the call. The answer was not used.
var ErrGone = errors.New("the notified system call has ended")

// Listener is the notification descriptor of one filter. Its methods may be
// called concurrently.
type Listener struct {
	stream *sys.Stream // the descriptor, under Go's poller
	raw    syscall.RawConn
	// taking makes looking for a call and receiving it one step: to receive
	// where there is none would keep a thread.
	taking sync.Mutex
	// Killable says that signals wait until a received call is answered, but
	// for those that kill: calls that wait for long have to be ended by
	// Interrupt.
	Killable bool
	// NoTCP says that the kernel lets the programs connect no TCP socket by
	// themselves, whatever becomes of a call that is continued.
	NoTCP bool
}

// Call is one system call that waits for an answer.
type Call struct {
	ID     uint64
	Thread int // thread id, in this process's PID namespace
	Number uint32
	Args   [6]uint64
}

// The structs of linux/seccomp.h.
type (
	seccompData struct {
		nr   int32
		arch uint32
		ip   uint64
		args [6]uint64
	}
	seccompNotif struct {
		id    uint64
		pid   uint32
		flags uint32
		data  seccompData
	}
	seccompNotifResp struct {
		id    uint64
		val   int64
		error int32
		flags uint32
	}
	seccompNotifAddFD struct {
		id         uint64
		flags      uint32
		srcfd      uint32
		newfd      uint32
		newfdFlags uint32
	}
)

// newListener takes ownership of a notification descriptor.
func newListener(fd *sys.FD) (*Listener, error) {
	stream, err := sys.NewStream(fd, nil)
	if err != nil {
		return nil, err
	}
	raw, err := stream.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	return &Listener{stream: stream, raw: raw}, nil
}

func (l *Listener) ioctl(request uint, arg unsafe.Pointer) (n int, err error) {
	closed := l.raw.Control(func(fd uintptr) { n, err = ioctl(fd, request, arg) })
	return n, errors.Join(closed, err)
}

// ioctl is ioctl(2). Adding a descriptor waits for the program's thread; the
// others do not wait, and Go's scheduler need not be told: see package sys.
func ioctl(fd uintptr, request uint, arg unsafe.Pointer) (int, error) {
	for {
		var r uintptr
		var errno unix.Errno
		if request == unix.SECCOMP_IOCTL_NOTIF_ADDFD {
			r, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(arg))
		} else {
			r, _, errno = unix.RawSyscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(arg))
		}
		switch errno {
		case 0:
			return int(r), nil
		case unix.EINTR:
			continue
		case unix.ENOENT:
			return 0, ErrGone
		default:
			return 0, errno
		}
	}
}

// Reply ends a call: with the error errno, or when that is 0 with the result
// value.
func (l *Listener) Reply(id uint64, value int64, errno int) error {
	r := seccompNotifResp{id: id, val: value, error: int32(-errno)}
	_, err := l.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
	return err
}

// Interrupt ends a call of a thread that a signal waits for: the kernel then
// runs the handler, and restarts the call or lets it fail with EINTR as
// sigaction(2) says of SA_RESTART. Without a pending signal the program would
// see the kernel's own error number.
func (l *Listener) Interrupt(id uint64) error {
	const restartSys = 512 // ERESTARTSYS, include/linux/errno.h
	return l.Reply(id, 0, restartSys)
}

// Continue lets the kernel carry the call out as if nobody had looked. Memory
// that was read meanwhile may have changed: only for calls that are not ours.
func (l *Listener) Continue(id uint64) error {
	r := seccompNotifResp{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	_, err := l.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
	return err
}

// Valid reports whether a call still waits: what was read of its thread since
// Receive then belonged to that thread.
func (l *Listener) Valid(id uint64) bool {
	_, err := l.ioctl(unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&id))
	return err == nil
}

// ReplyFD installs a duplicate of fd in the calling process and ends the call
// with its number, in one step: on error neither has happened.
func (l *Listener) ReplyFD(id uint64, fd int, cloexec bool) (int, error) {
	return l.addFD(seccompNotifAddFD{id: id, flags: unix.SECCOMP_ADDFD_FLAG_SEND,
		srcfd: uint32(fd)}, cloexec)
}

// ReplaceFD puts a duplicate of fd in the place of the calling process's
// descriptor target, as dup2(2) does. The call goes on waiting.
func (l *Listener) ReplaceFD(id uint64, fd, target int, cloexec bool) error {
	_, err := l.addFD(seccompNotifAddFD{id: id, flags: unix.SECCOMP_ADDFD_FLAG_SETFD,
		srcfd: uint32(fd), newfd: uint32(target)}, cloexec)
	return err
}

func (l *Listener) addFD(a seccompNotifAddFD, cloexec bool) (int, error) {
	if cloexec {
		a.newfdFlags = unix.O_CLOEXEC
	}
	var n int
	// Interrupted while it waits for the program to take the descriptor, the
	// call would end with the answer sent and no descriptor installed
	// (seccomp_notify_addfd in the kernel's kernel/seccomp.c).
	err := sys.WithoutSignals(func() (err error) {
		n, err = l.ioctl(unix.SECCOMP_IOCTL_NOTIF_ADDFD, unsafe.Pointer(&a))
		return err
	})
	// EINPROGRESS: a signal is ending the call.
	if errors.Is(err, unix.EINPROGRESS) {
		err = ErrGone
	}
	if err != nil && !errors.Is(err, ErrGone) {
		err = fmt.Errorf("installing a descriptor in the program: %w", err)
	}
	return n, err
}

// WakeOnSameCPU asks the kernel to run the gate on the caller's processor,
// which makes a round trip cheaper. Kernels before 6.6 refuse; that is harmless.
func (l *Listener) WakeOnSameCPU() error {
	return l.stream.Control(func(fd int) error {
		return unix.IoctlSetInt(fd, unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS,
			unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	})
}

// Close closes the descriptor; calls that wait then end with ENOSYS.
func (l *Listener) Close() error { return l.stream.Close() }
