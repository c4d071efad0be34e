package harden

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Offsets in struct seccomp_data, linux/seccomp.h.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// verdicts of the filter.
var (
	allow   = bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	refuse  = bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}
	absent  = bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)}
	endHere = bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS}
)

// argument loads the low half of an argument; all that are looked at are
// 32 bits wide, or masks whose bits are in that half.
func argument(i int) bpf.Instruction {
	return bpf.LoadAbsolute{Off: uint32(offArgs + 8*i),
		Size: 4}
}

// Filter returns the seccomp filter of a process that does TLS: what a Go
// program with sockets needs is allowed; what only somebody who has taken it
// over would call, or another architecture's calls, end the process; all else
// is EPERM. pid is the process's own id: it may send signals to nobody else.
func Filter(pid int) []bpf.Instruction {
	p := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		endHere,
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
	}
	on := func(number int, body ...bpf.Instruction) {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(number), SkipTrue: uint8(len(body))})
		p = append(p, body...)
	}
	for _, number := range allowed {
		on(number, allow)
	}
	for _, c := range conditional(uint32(pid)) {
		on(c.number, c.body...)
	}
	on(unix.SYS_CLONE3, absent) // its flags are in memory; clone(2) is used instead
	for _, number := range forbidden {
		on(number, endHere)
	}
	return append(p, refuse)
}

// condition is a call that is allowed for some of its arguments.
type condition struct {
	number int
	body   []bpf.Instruction
}

func conditional(pid uint32) []condition {
	const (
		writes  = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
		threads = unix.CLONE_VM | unix.CLONE_THREAD
	)
	return []condition{
		{unix.SYS_OPENAT, withoutBits(2, writes)},
		{unix.SYS_MMAP, withoutBits(2, unix.PROT_EXEC)},
		{unix.SYS_MPROTECT, withoutBits(2, unix.PROT_EXEC)},
		{unix.SYS_SOCKET, oneOf(0, unix.AF_INET, unix.AF_INET6, unix.AF_UNIX)},
		{unix.SYS_SOCKETPAIR, oneOf(0, unix.AF_UNIX)},
		{unix.SYS_IOCTL, oneOf(1, unix.SIOCINQ, unix.SIOCOUTQ, unix.TCGETS)},
		{unix.SYS_PRCTL, oneOf(0, unix.PR_SET_NAME, unix.PR_SET_VMA)},
		{unix.SYS_PRLIMIT64, oneOf(0, 0, pid)},
		{unix.SYS_KILL, oneOf(0, pid)},
		{unix.SYS_TGKILL, oneOf(0, pid)},
		{unix.SYS_CLONE, []bpf.Instruction{
			argument(0),
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: threads},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: threads, SkipTrue: 1},
			refuse,
			allow,
		}},
	}
}

// withoutBits allows a call none of whose argument's bits are set.
func withoutBits(i int, bits uint32) []bpf.Instruction {
	return []bpf.Instruction{argument(i), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: bits, SkipFalse: 1},
		refuse, allow}
}

// oneOf allows a call whose argument has one of some values.
func oneOf(i int, values ...uint32) []bpf.Instruction {
	body := []bpf.Instruction{argument(i)}
	for n, v := range values {
		body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: uint8(len(values) - n)})
	}
	return append(body, refuse, allow)
}

// FilterCalls puts Filter into force for all threads of this process, which
// has no_new_privs.
func FilterCalls() error {
	if auditArch == 0 {
		return errors.New("there is no system call filter for this architecture, only for amd64 and arm64")
	}
	code, err := bpf.Assemble(Filter(os.Getpid()))
	if err != nil {
		return fmt.Errorf("assembling the system call filter: %w", err)
	}
	return sys.SeccompProcess(code)
}
