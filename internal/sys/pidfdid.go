package sys

import "golang.org/x/sys/unix"

// PidfdID tells processes apart for as long as the machine runs: device and
// inode of a pidfd on pidfs, Linux 6.9.
type PidfdID struct{ Dev, Ino uint64 }

// pidfs is the type of the file system of pidfds, PID_FS_MAGIC of Linux 6.9.
// Before, all pidfds share one inode.
const pidfs = 0x50494446

// IDOfPidfd returns what tells the process of a pidfd from all others,
// where the kernel does.
func IDOfPidfd(pidfd int) (PidfdID, bool) {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Fstatfs(pidfd, &fs) != nil || fs.Type != pidfs || unix.Fstat(pidfd, &st) != nil {
		return PidfdID{}, false
	}
	return PidfdID{st.Dev, st.Ino}, true
}
