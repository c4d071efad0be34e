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

// NoInheritance keeps the calling thread from handing capabilities on to what
// it starts, unless that is root's (capabilities(7)): some containers and units
// give them to all. The caller has locked the thread.
func NoInheritance() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clearing ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("reading capabilities: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("clearing inheritable capabilities: %w", err)
	}
	return nil
}

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
