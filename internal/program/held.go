package program

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// held are files that were at paths that a policy names, kept open: as long as
// that lasts nobody else gets their inodes, and a program that goes on running
// after its file was replaced is still known. A reload adds what is at the
// paths then; the replaced ones stay, up to a limit.
type held struct {
	mu    sync.Mutex
	files map[string][]heldFile // by path, the newest last
}

type heldFile struct {
	*sys.FD
	id FileID
}

// maxHeld bounds the files of one path: so many times it can be replaced while
// programs of all of them go on running.
const maxHeld = 8

// set makes paths those whose files are held.
func (h *held) set(r root, paths []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	files := make(map[string][]heldFile, len(paths))
	for _, path := range paths {
		files[path] = h.files[path]
	}
	for path, old := range h.files {
		if _, kept := files[path]; !kept {
			closeAll(old)
		}
	}
	h.files = files
	for _, path := range paths {
		// The administrator has named it: whatever file system it is on is asked.
		fd, err := r.open(path, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS|unix.RESOLVE_NO_SYMLINKS)
		if err != nil {
			continue // it may come
		}
		h.addLocked(path, fd)
	}
}

// add holds a file that is at a path now, if the policy names that.
func (h *held) add(path string, fd *sys.FD) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, named := h.files[path]; !named {
		fd.Close()
		return
	}
	h.addLocked(path, fd)
}

func (h *held) addLocked(path string, fd *sys.FD) {
	id, err := idOf(fd.Int())
	if err != nil || slices.ContainsFunc(h.files[path], func(f heldFile) bool { return f.id == id }) {
		fd.Close()
		return
	}
	all := append(slices.Clone(h.files[path]), heldFile{fd, id})
	if len(all) > maxHeld {
		closeAll(all[:len(all)-maxHeld])
		all = all[len(all)-maxHeld:]
	}
	h.files[path] = all
}

// has reports whether a file was at a path since the policy names it.
func (h *held) has(path string, id FileID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.files[path], func(f heldFile) bool { return f.id == id })
}

func (h *held) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, files := range h.files {
		closeAll(files)
	}
	h.files = nil
}

func closeAll(files []heldFile) {
	for _, f := range files {
		f.Close()
	}
}
