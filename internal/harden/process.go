package harden

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// NoNewPrivileges keeps the calling thread, and what it starts, from gaining
// rights by execve(2): set-user-ID files and file capabilities do nothing
// (PR_SET_NO_NEW_PRIVS(2const)). The caller has locked the thread.
func NoNewPrivileges() error {
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// NotDumpable keeps other processes of the same user from tracing this one and
// from reading its memory (PR_SET_DUMPABLE(2const), ptrace(2)).
func NotDumpable() error {
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// NoCoreDumps keeps the kernel from writing memory to a file (core(5)).
func NoCoreDumps() error {
	return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}

// lockOnFault is MCL_ONFAULT of mlockall(2), which has the same value on all
// architectures that the product runs on.
const lockOnFault = 4

// LockMemory keeps all memory, also what is allocated later, from being
// swapped. Pages are locked once they are used, so it costs no memory. Where
// the limit on locked memory is finite this is refused: allocations beyond it
// would fail, and end the process.
func LockMemory() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return err
	}
	if limit.Cur != unix.RLIM_INFINITY && limit.Max == unix.RLIM_INFINITY {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
			return fmt.Errorf("raising the limit on locked memory: %w", err)
		}
	}
	if limit.Cur != unix.RLIM_INFINITY {
		return fmt.Errorf("only %d KiB may be locked (RLIMIT_MEMLOCK), and it has to be unlimited", limit.Cur>>10)
	}
	return lockAll()
}

func lockAll() error { return unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | lockOnFault) }

// NoCapabilities is an error when the process has capabilities, or could get
// some: it has been started by the wrong means then.
func NoCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("reading capabilities: %w", err)
	}
	for _, d := range data {
		if d.Effective|d.Permitted|d.Inheritable != 0 {
			return errors.New("the process has capabilities")
		}
	}
	return nil
}
