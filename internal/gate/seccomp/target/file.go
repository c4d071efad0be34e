package target

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

const (
	maxFile    = 1 << 20 // bytes of one file
	maxFolder  = 8 << 20 // bytes of all files of a folder
	maxEntries = 4096
)

// ReadFile reads the file, or the regular files of the folder, that a path
// names for a thread: from its working directory and root, with its rights.
// Errors of open(2) are unix.Errno. What was opened of the thread is used only if
// still has no error afterwards: until then it was that of whom the rights are.
func (h *Handles) ReadFile(thread int, rights *Rights, path string,
	still func() error) (files [][]byte, folder bool, err error) {
	if path == "" {
		return nil, false, abi.ENOENT
	}
	if n, ok := descriptorPath(path); ok {
		content, err := h.readDescriptor(thread, n, still)
		return [][]byte{content}, false, err
	}
	place, err := placeOf(thread, still)
	if err != nil {
		return nil, false, err
	}
	defer place.close()
	err = rights.Do(func() (err error) {
		files, folder, err = place.read(path)
		return err
	})
	return files, folder, err
}

// descriptorPath recognises names of the program's own descriptors, which
// would mean ours when we opened them.
func descriptorPath(path string) (int, bool) {
	for _, prefix := range []string{"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			n, err := strconv.Atoi(rest)
			return n, err == nil && n >= 0
		}
	}
	return 0, path == "/dev/stdin"
}

func (h *Handles) readDescriptor(thread, n int, still func() error) ([]byte, error) {
	fd, err := h.Duplicate(thread, n)
	if errors.Is(err, abi.EBADF) {
		return nil, abi.ENOENT
	}
	if err != nil {
		return nil, err
	}
	if err := still(); err != nil {
		fd.Close()
		return nil, err
	}
	f := os.NewFile(uintptr(fd.Disown()), "descriptor of the program")
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("descriptor %d is not a regular file: pass its content instead: %w", n, abi.EINVAL)
	}
	return limited(io.NewSectionReader(f, 0, maxFile+1))
}

// place is where a program's paths begin.
type place struct {
	root, cwd *sys.FD
	same      bool   // root and mounts are ours
	prefix    string // working directory below root, when they are not
}

func placeOf(thread int, still func() error) (*place, error) {
	dir := "/proc/" + strconv.Itoa(thread)
	p := &place{}
	for _, d := range []struct {
		name string
		to   **sys.FD
	}{{"/root", &p.root}, {"/cwd", &p.cwd}} {
		n, err := unix.Open(dir+d.name, unix.O_PATH|unix.O_CLOEXEC|unix.O_DIRECTORY, 0)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("opening the program's %s: %w", d.name[1:], err)
		}
		*d.to = sys.Own(n)
	}
	p.same = sameFile(dir+"/root", "/") && sameFile(dir+"/ns/mnt", "/proc/self/ns/mnt")
	if !p.same {
		root, err := os.Readlink(dir + "/root")
		if err == nil {
			p.prefix, err = os.Readlink(dir + "/cwd")
		}
		if err != nil {
			p.close()
			return nil, err
		}
		p.prefix = strings.TrimPrefix(p.prefix, strings.TrimSuffix(root, "/"))
	}
	if err := still(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func sameFile(a, b string) bool {
	var x, y unix.Stat_t
	return unix.Stat(a, &x) == nil && unix.Stat(b, &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

func (p *place) close() {
	p.root.Close()
	p.cwd.Close()
}

// open opens a path as the program would, but without following magic links
// of proc(5), which would lead to this process, and without waiting.
func (p *place) open(path string) (*os.File, error) {
	n, err := p.openAs(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(n), path)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(n, &fs); err != nil || fs.Type == unix.PROC_SUPER_MAGIC {
		f.Close()
		return nil, abi.EACCES
	}
	return f, nil
}

func (p *place) openAs(path string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	from := p.cwd
	if !p.same {
		how.Resolve |= unix.RESOLVE_IN_ROOT
		from = p.root
		if !strings.HasPrefix(path, "/") {
			path = p.prefix + "/" + path
		}
	}
	return unix.Openat2(from.Int(), path, &how)
}

// Find returns an O_PATH descriptor of the file that a path names for a thread,
// with its rights, if still has no error once its place is known.
func (h *Handles) Find(thread int, rights *Rights, path string,
	still func() error) (*sys.FD, error) {
	place, err := placeOf(thread, still)
	if err != nil {
		return nil, err
	}
	defer place.close()
	var found *sys.FD
	err = rights.Do(func() error {
		f, err := place.openAs(path, unix.O_PATH)
		if err == nil {
			found = sys.Own(f)
		}
		return err
	})
	return found, err
}

func (p *place) read(path string) (files [][]byte, folder bool, err error) {
	f, err := p.open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	switch {
	case st.Mode().IsRegular():
		content, err := limited(io.LimitReader(f, maxFile+1))
		return [][]byte{content}, false, err
	case st.IsDir():
		files, err := p.readFolder(f, path)
		return files, true, err
	}
	return nil, false, fmt.Errorf("%s is neither a file nor a folder: %w", path, abi.EINVAL)
}

func (p *place) readFolder(dir *os.File, path string) ([][]byte, error) {
	names, err := dir.Readdirnames(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > maxEntries {
		return nil, fmt.Errorf("%s has more than %d entries: %w", path, maxEntries, abi.EINVAL)
	}
	var all [][]byte
	size := 0
	for _, name := range names {
		f, err := p.open(path + "/" + name)
		if err != nil {
			continue // as programs that read such folders do: one bad link is not fatal
		}
		st, err := f.Stat()
		if err == nil && st.Mode().IsRegular() {
			var content []byte
			if content, err = limited(io.LimitReader(f, maxFile+1)); err == nil {
				all, size = append(all, content), size+len(content)
			}
		}
		f.Close()
		if size > maxFolder {
			return nil, fmt.Errorf("%s holds more than %d MiB: %w", path, maxFolder>>20, abi.EINVAL)
		}
	}
	return all, nil
}

func limited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(r)
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("the file is larger than %d MiB: %w", maxFile>>20, abi.EINVAL)
	}
	return b, err
}
