package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// elsewhere begins the path of an executable that is not the file which that
// path names here: no rule of a policy matches it, since those begin with a
// slash. In a mount namespace of his own, any user can have any file at any
// path (mount_namespaces(7)).
const elsewhere = "elsewhere:"

// executable returns the path of the file that a process executes, as it is
// known in this process's mount namespace.
func executable(pid int) (string, error) {
	link := "/proc/" + strconv.Itoa(pid) + "/exe"
	path, err := os.Readlink(link)
	if err != nil {
		return "", fmt.Errorf("finding its executable: %w", err)
	}
	var theirs, ours unix.Stat_t
	err = unix.Stat(link, &theirs)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return "", errEnded
	}
	switch {
	case err != nil: // a file system of a user in user space, which lets nobody else look (fuse(4))
	case unix.Stat(path, &ours) == nil && ours.Dev == theirs.Dev && ours.Ino == theirs.Ino:
		return path, nil
	case strings.HasSuffix(path, policy.DeletedMark) && hostMounts(pid):
		// It was replaced while it runs: only who may write its folder could
		// have put another file there.
		return path, nil
	}
	return elsewhere + path, nil
}

// hostMounts reports whether a process has the mounts of this process or of
// the machine's first one.
func hostMounts(pid int) bool {
	var theirs unix.Stat_t
	if unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/mnt", &theirs) != nil {
		return false
	}
	for _, known := range []string{"/proc/self/ns/mnt", "/proc/1/ns/mnt"} {
		var st unix.Stat_t
		if unix.Stat(known, &st) == nil && st.Dev == theirs.Dev && st.Ino == theirs.Ino {
			return true
		}
	}
	return false
}
