package sys

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DieBySignal ends this process by a signal, as if it had no handler: Go's
// runtime would print its goroutines for some (rt_sigaction(2)). It returns
// when the signal does not end a process.
func DieBySignal(signal unix.Signal) {
	var byDefault [64]byte // struct sigaction of the kernel, SIG_DFL with no flags
	const maskSize = 8
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(&byDefault)), 0,
		maskSize, 0, 0)
	// To this thread: a signal to the process may reach another one later.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), signal)
}
