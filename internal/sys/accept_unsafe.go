package sys

import (
	"errors"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// AcceptWaiting accepts a connection that waits already; EAGAIN when there is
// none. The listener may be a blocking one that others accept from too: a
// connection that they take first does not make this wait for the next. The
// accepted socket is blocking and close-on-exec, accept4(2).
func AcceptWaiting(listener int) (*FD, error) {
	for Readable(listener) {
		n, err := acceptBriefly(listener)
		if errors.Is(err, unix.EINTR) {
			continue // and look again
		}
		if err != nil {
			return nil, err
		}
		return Own(n), nil
	}
	return nil, unix.EAGAIN
}

// acceptTime is how long accept(2) may take.
const acceptTime = time.Millisecond

// acceptBriefly is accept4(2) that ends with EINTR when there is nothing to
// accept: the open file, and what makes it blocking, is the program's, and the
// call has no flag against that.
func acceptBriefly(listener int) (int, error) {
	if err := interruptible(); err != nil {
		return -1, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	process, thread := unix.Getpid(), unix.Gettid()
	var mu sync.Mutex
	over := false
	mu.Lock()
	var timer *time.Timer
	timer = time.AfterFunc(acceptTime, func() {
		mu.Lock()
		defer mu.Unlock()
		if !over { // again, for a thread that had not begun to wait
			_ = unix.Tgkill(process, thread, interruption)
			timer.Reset(acceptTime)
		}
	})
	mu.Unlock()
	n, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	mu.Lock()
	defer mu.Unlock()
	over = true
	timer.Stop()
	return n, err
}

// interruption is a signal for which Go's runtime has a handler that does
// nothing, and that nobody else sends.
const interruption = unix.SIGIO

// interruptible makes the signal end system calls, which Go has the kernel
// begin again: sigaction(2) without SA_RESTART.
var interruptible = sync.OnceValue(func() error {
	const maskSize, restart = 8, 0x10000000
	var action struct{ handler, flags, restorer, mask uint64 } // struct sigaction of the kernel
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(interruption), 0,
		uintptr(unsafe.Pointer(&action)), maskSize, 0, 0)
	if errno == 0 {
		action.flags &^= restart
		_, _, errno = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(interruption),
			uintptr(unsafe.Pointer(&action)), 0, maskSize, 0, 0)
	}
	return errnoErr(errno)
})
