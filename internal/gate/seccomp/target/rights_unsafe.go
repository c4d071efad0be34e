package target

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setGroups sets the supplementary groups of the calling thread only;
// setgroups(2) as libraries wrap it would change the whole process.
func setGroups(groups []uint32) error {
	list := make([]uint32, len(groups)+1)
	copy(list, groups)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)),
		uintptr(unsafe.Pointer(&list[0])), 0); errno != 0 {
		return errno
	}
	return nil
}

// setFileSystemIDs sets fsuid and fsgid of the calling thread, setfsuid(2).
// These calls report no errors: asking with an impossible id tells the value.
func setFileSystemIDs(uid, gid uint32) error {
	const ask = ^uintptr(0)
	unix.RawSyscall(unix.SYS_SETFSGID, uintptr(gid), 0, 0)
	if now, _, _ := unix.RawSyscall(unix.SYS_SETFSGID, ask, 0, 0); uint32(now) != gid {
		return fmt.Errorf("taking the program's group %d: the kernel refused", gid)
	}
	unix.RawSyscall(unix.SYS_SETFSUID, uintptr(uid), 0, 0)
	if now, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, ask, 0, 0); uint32(now) != uid {
		return fmt.Errorf("taking the program's user %d: the kernel refused", uid)
	}
	return nil
}

// limitCapabilities makes the effective capabilities of the calling thread
// those given, as far as it has them.
func limitCapabilities(effective uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Effective = uint32(effective) & data[0].Permitted
	data[1].Effective = uint32(effective>>32) & data[1].Permitted
	return unix.Capset(&header, &data[0])
}
