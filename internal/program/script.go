package program

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Cgroup returns a thread's group in the unified hierarchy, cgroups(7), empty
// when there is none.
func Cgroup(thread int) string {
	data, err := sys.ReadProc("/proc/"+strconv.Itoa(thread)+"/cgroup", maxArguments)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(path, "\n")
		}
	}
	return ""
}

// maxArguments is how much of a command line is looked at.
const maxArguments = 64 << 10

// scriptOf returns the path of what a thread's executable may interpret: its
// first argument that is no option. The program can write its arguments: this is
// no proof, and the file is not opened, since it may be anything.
func scriptOf(thread int, r root) string {
	dir := "/proc/" + strconv.Itoa(thread)
	if !r.is(dir + "/root") {
		return ""
	}
	line, err := sys.ReadProc(dir+"/cmdline", maxArguments)
	if err != nil {
		return ""
	}
	for _, argument := range bytes.Split(line, []byte{0})[1:] {
		if len(argument) == 0 || argument[0] == '-' {
			continue
		}
		path := string(argument)
		if !filepath.IsAbs(path) {
			cwd, err := readlink(dir + "/cwd")
			if err != nil || !filepath.IsAbs(cwd) {
				return ""
			}
			path = filepath.Join(cwd, path)
		}
		return r.real(filepath.Clean(path))
	}
	return ""
}

// real follows the symbolic links of a path where the kernel knows them without
// asking a file system; elsewhere the path stays as it is.
func (r root) real(path string) string {
	fd, err := r.find(path, 0)
	if err != nil {
		return path
	}
	defer fd.Close()
	var st unix.Statx_t
	if unix.Statx(fd.Int(), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE,
		&st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return ""
	}
	link, err := readlink("/proc/self/fd/" + strconv.Itoa(fd.Int()))
	if err != nil {
		return path
	}
	return strings.TrimSuffix(link, deleted)
}

// is reports whether a path, of proc(5), is this root folder.
func (r root) is(path string) bool {
	n, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(n)
	theirs, err := idOf(n)
	ours, ourErr := idOf(r.Int())
	return err == nil && ourErr == nil && theirs == ours
}
