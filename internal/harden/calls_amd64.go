package harden

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// What amd64 has beside, or under an older name. Calls of the x32 ABI have
// numbers that are none of these.
var (
	allowedHere = []int{unix.SYS_POLL, unix.SYS_EPOLL_WAIT, unix.SYS_ARCH_PRCTL, unix.SYS_TIME,
		unix.SYS_NEWFSTATAT,
		unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_ACCESS, unix.SYS_READLINK}
	forbiddenHere = []int{unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_MODIFY_LDT, unix.SYS_IOPL,
		unix.SYS_IOPERM, unix.SYS_KEXEC_FILE_LOAD}
)
