package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// ErrNoSocket says that a descriptor is not there, or is no socket.
var ErrNoSocket = errors.New("no descriptor of a socket")

// SocketInode returns the inode of the socket behind a thread's descriptor.
// A thread that may not be looked at is an fs.ErrPermission.
func SocketInode(thread, fd int) (uint64, error) {
	link, err := os.Readlink("/proc/" + strconv.Itoa(thread) + "/fd/" + strconv.Itoa(fd))
	if errors.Is(err, fs.ErrPermission) {
		return 0, err
	}
	digits, ok := strings.CutPrefix(link, "socket:[")
	if err != nil || !ok {
		return 0, ErrNoSocket
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 64)
	if err != nil {
		return 0, ErrNoSocket
	}
	return inode, nil
}

// Handles keeps pidfds of threads, since opening one for each call costs more
// than the call. Safe for concurrent use; whoever has to wait for the kernel
// makes nobody else wait.
type Handles struct {
	limit int

	mu      sync.Mutex
	threads map[int]*handle
	uses    uint64
}

// handle is a pidfd and the process of its thread.
type handle struct {
	*sys.FD
	thread  int
	process int // 0 when not asked for yet

	users int    // under Handles.mu, as the rest
	used  uint64 // when last
	stale bool   // closed by its last user
}

// maxHandles is how many pidfds are kept, where descriptors are many, and
// handlesShare which part of them.
const (
	maxHandles   = 256
	handlesShare = 16
)

// NewHandles returns an empty set.
func NewHandles() *Handles {
	h := &Handles{limit: maxHandles, threads: map[int]*handle{}}
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err == nil && r.Cur/handlesShare < maxHandles {
		h.limit = max(1, int(r.Cur/handlesShare))
	}
	return h
}

// Duplicate returns a duplicate of a thread's descriptor, pidfd_getfd(2).
// There being no such descriptor is EBADF.
func (h *Handles) Duplicate(thread, fd int) (*sys.FD, error) {
	for {
		handle, fresh, err := h.get(thread)
		if err != nil {
			return nil, err
		}
		n, err := unix.PidfdGetfd(handle.Int(), fd, 0)
		// Another thread has got the number of one that ended, or what is kept
		// takes up what is needed.
		ended := errors.Is(err, unix.ESRCH)
		again := ended && !fresh || errors.Is(err, unix.EMFILE) && h.giveBack()
		h.put(handle, ended)
		switch {
		case err == nil:
			return sys.Own(n), nil
		case !again:
			return nil, duplicateError(err)
		}
	}
}

// Process returns the process id of a thread that is in a system call.
func (h *Handles) Process(thread int) (int, error) {
	for {
		handle, fresh, err := h.get(thread)
		if err != nil {
			return 0, err
		}
		h.mu.Lock()
		process := handle.process
		h.mu.Unlock()
		if process == 0 {
			if process, err = Process(thread); err == nil {
				h.mu.Lock()
				handle.process = process
				h.mu.Unlock()
			}
		}
		// Only of a thread that is still there was that read.
		alive := handle.alive()
		h.put(handle, !alive)
		switch {
		case alive || err != nil:
			return process, err
		case fresh:
			return 0, unix.ESRCH
		}
	}
}

// alive reports whether the thread that a pidfd refers to has not ended.
func (h *handle) alive() bool {
	return !errors.Is(unix.PidfdSendSignal(h.Int(), 0, nil, 0), unix.ESRCH)
}

// get returns the pidfd of a thread, which put gives back; fresh says that it
// was not kept.
func (h *Handles) get(thread int) (_ *handle, fresh bool, err error) {
	h.mu.Lock()
	h.uses++
	if known := h.threads[thread]; known != nil {
		known.users++
		known.used = h.uses
		h.mu.Unlock()
		return known, false, nil
	}
	h.mu.Unlock()
	fd, err := open(thread)
	for errors.Is(err, unix.EMFILE) && h.giveBack() {
		fd, err = open(thread)
	}
	if err != nil {
		return nil, false, err
	}
	mine := &handle{FD: fd, thread: thread, users: 1}
	h.mu.Lock()
	defer h.mu.Unlock()
	mine.used = h.uses
	if h.threads[thread] != nil || !h.roomLocked() {
		mine.stale = true // for this use alone
	} else {
		h.threads[thread] = mine
	}
	return mine, true, nil
}

// put ends a use; ended says that the thread has ended.
func (h *Handles) put(used *handle, ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	used.users--
	if ended {
		h.dropLocked(used)
	} else if used.stale && used.users == 0 {
		used.Close()
	}
}

// roomLocked makes room for one more: those go that nobody has used for longest.
func (h *Handles) roomLocked() bool {
	if len(h.threads) < h.limit {
		return true
	}
	var oldest *handle
	for _, known := range h.threads {
		if known.users == 0 && (oldest == nil || known.used < oldest.used) {
			oldest = known
		}
	}
	if oldest != nil {
		h.dropLocked(oldest)
	}
	return oldest != nil
}

// giveBack closes what is kept and not in use, for others who need descriptors.
// It reports whether there was any.
func (h *Handles) giveBack() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	given := false
	for _, known := range h.threads {
		given = given || known.users == 0
		h.dropLocked(known)
	}
	return given
}

// Close closes all handles; those in use at the end of it.
func (h *Handles) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limit = 0
	for _, known := range h.threads {
		h.dropLocked(known)
	}
}

func (h *Handles) dropLocked(known *handle) {
	if h.threads[known.thread] == known {
		delete(h.threads, known.thread)
	}
	if known.stale = true; known.users == 0 {
		known.Close()
	}
}

func duplicateError(err error) error {
	if errors.Is(err, unix.EBADF) {
		return abi.EBADF
	}
	return fmt.Errorf("duplicating a descriptor of the program, pidfd_getfd: %w", err)
}

// open opens a pidfd of a thread: by PIDFD_THREAD (Linux 6.9), else of its
// whole process, whose descriptors threads normally share.
func open(thread int) (*sys.FD, error) {
	n, err := unix.PidfdOpen(thread, unix.PIDFD_THREAD)
	if errors.Is(err, unix.EINVAL) {
		n, err = unix.PidfdOpen(thread, 0)
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		var process int
		if process, err = Process(thread); err == nil {
			n, err = unix.PidfdOpen(process, 0)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening a pidfd of thread %d: %w", thread, err)
	}
	return sys.Own(n), nil
}

// CloseOnExec reports whether a thread's descriptor has close-on-exec set, as
// /proc/PID/fdinfo says.
func CloseOnExec(thread, fd int) bool {
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", thread, fd))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(info)) {
		if octal, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseUint(strings.TrimSpace(octal), 8, 64)
			return err == nil && flags&unix.O_CLOEXEC != 0
		}
	}
	return false
}
