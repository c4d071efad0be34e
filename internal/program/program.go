// Package program answers which program a process is: what file it executes,
// as whom, in which control group. Gates and the service ask here, so that both
// get the same answer. It believes the kernel alone, changes nothing of a
// process, and decides nothing: that is what a policy is for.
//
// A path proves nothing by itself: in a mount namespace of his own, any user can
// have any file at any path (mount_namespaces(7)), and what the kernel calls
// "(deleted)" was at that path in whatever namespace it was opened. So a path
// counts only when it names, from the root that the administrator's paths begin
// at, the very file that is executed (same device and inode), or did so while a
// descriptor of that file was held open here: inode numbers are used again.
//
// Nothing here waits for a file system of a user in user space (fuse(4)), nor
// opens a file that a process has chosen for more than its name (O_PATH): no
// lease, FIFO or device is ever touched.
package program

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Process is a program as the kernel describes it.
type Process struct {
	subject.Program
	PID  int
	File FileID // what it executes, "" when that cannot be told
	// UIDs and GIDs are its real, effective, saved and file system ids.
	UIDs, GIDs [4]uint32
	// Nested says that it is in a user namespace below this process's, whose
	// outermost one Owner has made: he has every capability over it
	// (user_namespaces(7)).
	Nested bool
	Owner  uint32
}

// Person is who made the process what it is: the real user, or who made the user
// namespace that it is in. However many users he may have there, he is one.
func (p *Process) Person() uint32 {
	if p.Nested {
		return p.Owner
	}
	return p.UIDs[0]
}

// FileID tells one file of the machine from all others that are there at the
// same time, whatever names they have.
type FileID string

// Executable is the file that a thread executes: its identity, and the path at
// which it was, as the thread's own mounts have it. The path is for people.
type Executable struct {
	File FileID
	Path string
}

// Elsewhere begins the path of an executable that is not known to be the file
// of that path: no rule of a policy matches it, since those begin with a slash.
const Elsewhere = "elsewhere:"

// deleted is what the kernel appends to the path of a file that has gone.
const deleted = subject.DeletedMark

// Unproven returns the path of a program as the kernel had it, also when it is
// not known to be the file of that path.
func Unproven(exe string) string {
	return strings.TrimSuffix(strings.TrimPrefix(exe, Elsewhere), deleted)
}

// ExecutableOf finds out what a thread executes.
func ExecutableOf(thread int) (Executable, error) {
	fd, e, err := openExecutable(thread)
	fd.Close()
	return e, err
}

// openExecutable opens what a thread executes by O_PATH, so that it stays the
// same file meanwhile. A file system of a user in user space does not say to
// others what file it is (fuse(4)).
func openExecutable(thread int) (*sys.FD, Executable, error) {
	n, err := unix.Open("/proc/"+strconv.Itoa(thread)+"/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, Executable{}, err
	}
	fd := sys.Own(n)
	path, err := readlink("/proc/self/fd/" + strconv.Itoa(n))
	if err != nil {
		fd.Close()
		return nil, Executable{}, err
	}
	id, err := idOf(n)
	if err != nil {
		id = ""
	}
	return fd, Executable{id, path}, nil
}

// idOf identifies an open file without asking its file system: what is cached
// does, and a user's own (fuse(4)) may never answer.
func idOf(fd int) (FileID, error) {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC,
		unix.STATX_INO|unix.STATX_TYPE, &st)
	if err != nil {
		return "", err
	}
	device := unix.Mkdev(st.Dev_major, st.Dev_minor)
	return FileID(strconv.FormatUint(device, 16) + ":" + strconv.FormatUint(st.Ino, 16)), nil
}

func readlink(path string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(path, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
