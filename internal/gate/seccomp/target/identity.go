package target

import (
	"os"
	"strconv"
	"strings"

	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Process returns the process id of a thread.
func Process(thread int) (int, error) {
	s, err := program.ReadStatus(thread)
	return s.Process, err
}

// Name is the name of a thread, PR_GET_NAME in prctl(2), "?" when it cannot be
// read. It is readable when nothing else is.
func Name(thread int) string {
	name, err := sys.ReadProc("/proc/"+strconv.Itoa(thread)+"/comm", 64)
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(name))
}

// FindDescriptor looks through all processes this one may look at for a
// descriptor of the socket with the given inode.
func FindDescriptor(inode uint64) (process, fd int, ok bool) {
	want := "socket:[" + strconv.FormatUint(inode, 10) + "]"
	self := os.Getpid()
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return 0, 0, false
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == self {
			continue
		}
		dir := "/proc/" + p.Name() + "/fd/"
		descriptors, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, d := range descriptors {
			if link, err := os.Readlink(dir + d.Name()); err == nil && link == want {
				if n, err := strconv.Atoi(d.Name()); err == nil {
					return pid, n, true
				}
			}
		}
	}
	return 0, 0, false
}
