package harden

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// What arm64 has beside, or under another name.
var (
	allowedHere   = []int{unix.SYS_FSTATAT}
	forbiddenHere = []int{unix.SYS_KEXEC_FILE_LOAD}
)
