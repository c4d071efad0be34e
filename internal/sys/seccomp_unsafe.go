package sys

import (
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// SeccompListener installs a filter on the calling thread, seccomp(2) with
// SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER and more flags, and
// returns the notification descriptor. The caller has locked the thread.
func SeccompListener(filter []bpf.RawInstruction, flags int) (int, error) {
	n, errno := setFilter(filter, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|flags)
	if errno != 0 {
		return -1, errno
	}
	return n, nil
}

// SeccompProcess installs a filter on all threads of this process, seccomp(2)
// with SECCOMP_FILTER_FLAG_TSYNC, for good.
func SeccompProcess(filter []bpf.RawInstruction) error {
	thread, errno := setFilter(filter, unix.SECCOMP_FILTER_FLAG_TSYNC)
	if errno == 0 && thread != 0 {
		return fmt.Errorf("thread %d has another filter", thread)
	}
	return errnoErr(errno)
}

func setFilter(filter []bpf.RawInstruction, flags int) (int, unix.Errno) {
	program := make([]unix.SockFilter, len(filter))
	for i, f := range filter {
		program[i] = unix.SockFilter{Code: f.Op, Jt: f.Jt, Jf: f.Jf, K: f.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: unsafe.SliceData(program)}
	n, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags),
		uintptr(unsafe.Pointer(&fprog)))
	return int(n), errno
}
