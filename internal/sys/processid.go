package sys

import "golang.org/x/sys/unix"

// ProcessID tells processes apart for as long as the machine runs: device and
// inode of a pidfd on pidfs, Linux 6.9.
type ProcessID struct{ Dev, Ino uint64 }

// pidfs is the type of the file system of pidfds, PID_FS_MAGIC of Linux 6.9.
// Before, all pidfds share one inode.
const pidfs = 0x50494446

// IdentifyProcess returns what tells the process of a pidfd from all others,
// where the kernel does.
func IdentifyProcess(pidfd int) (ProcessID, bool) {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Fstatfs(pidfd, &fs) != nil || fs.Type != pidfs || unix.Fstat(pidfd, &st) != nil {
		return ProcessID{}, false
	}
	return ProcessID{st.Dev, st.Ino}, true
}
