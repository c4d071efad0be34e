package sys

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LandlockABI returns the version of Landlock that the kernel has; an error
// when it has none, landlock_create_ruleset(2).
func LandlockABI() (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0,
		unix.LANDLOCK_CREATE_RULESET_VERSION)
	return int(n), errnoErr(errno)
}

// LandlockAttr is struct landlock_ruleset_attr of ABI 6, linux/landlock.h:
// earlier kernels take it as long as the parts they do not know are zero.
type LandlockAttr struct {
	HandledFS, HandledNet, Scoped uint64
}

// LandlockRuleset makes a set of rules that denies what is handled.
func LandlockRuleset(attr LandlockAttr) (*FD, error) {
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)),
		unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return nil, fmt.Errorf("making a Landlock ruleset: %w", errno)
	}
	return Own(int(n)), nil
}

// LandlockAllow allows rights to the file, or beneath the folder, of an O_PATH
// descriptor.
func LandlockAllow(ruleset *FD, rights uint64, path *FD) error {
	var rule [12]byte // struct landlock_path_beneath_attr, which is packed
	*(*uint64)(unsafe.Pointer(&rule[0])) = rights
	*(*[4]byte)(rule[8:]) = *(*[4]byte)(unsafe.Pointer(new(int32(path.Int()))))
	const pathBeneath = 1 // LANDLOCK_RULE_PATH_BENEATH
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset.Int()), pathBeneath,
		uintptr(unsafe.Pointer(&rule[0])), 0, 0, 0)
	return errnoErr(errno)
}

// LandlockRestrict puts the calling thread, and all that it starts, under the
// rules for good. The caller has locked the thread, which has no_new_privs.
func LandlockRestrict(ruleset *FD) error {
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset.Int()), 0, 0)
	return errnoErr(errno)
}
