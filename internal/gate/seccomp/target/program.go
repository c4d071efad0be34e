package target

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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

// Script returns the real path of the script that a thread's executable
// interprets: the first argument, when it names a file that begins with "#!"
// (execve(2)). The program can write its arguments: this is no proof.
func Script(thread int) string {
	dir := "/proc/" + strconv.Itoa(thread)
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
			cwd, err := os.Readlink(dir + "/cwd")
			if err != nil {
				return ""
			}
			path = filepath.Join(cwd, path)
		}
		if !isScript(path) || !sameFile(dir+"/root", "/") {
			return ""
		}
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return ""
		}
		return real
	}
	return ""
}

func isScript(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [2]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && string(head[:]) == "#!"
}
