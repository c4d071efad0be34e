//go:build linux

// Command refusing starts another command, to which it has the kernel refuse
// what its first argument says, as a container or a service manager does:
//
//	refusing unix COMMAND...      sockets of AF_UNIX: EAFNOSUPPORT
//	refusing landlock COMMAND...  Landlock: EPERM
package main

import (
	"fmt"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(what string, command []string) error {
	code, err := bpf.Assemble(refusal(what))
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up new privileges: %w", err)
	}
	if err := sys.SeccompProcess(code); err != nil {
		return fmt.Errorf("installing a filter: %w", err)
	}
	return unix.Exec(command[0], command, os.Environ())
}

// Where struct seccomp_data has the number of a call and its first argument, of
// which the lower half comes first.
const number, argument = 0, 16

func refusal(what string) []bpf.Instruction {
	refuse := func(errno unix.Errno) bpf.Instruction {
		return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)}
	}
	allow := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	if what == "unix" {
		return []bpf.Instruction{
			bpf.LoadAbsolute{Off: number, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_SOCKET, SkipTrue: 3},
			bpf.LoadAbsolute{Off: argument, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AF_UNIX, SkipTrue: 1},
			refuse(unix.EAFNOSUPPORT),
			allow,
		}
	}
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: number, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_LANDLOCK_CREATE_RULESET, SkipTrue: 1},
		refuse(unix.EPERM),
		allow,
	}
}
