package target

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// SocketInode returns the inode of the socket behind a thread's descriptor,
// and false when there is no such descriptor or it is not a socket.
func SocketInode(thread, fd int) (uint64, bool) {
	link, err := os.Readlink("/proc/" + strconv.Itoa(thread) + "/fd/" + strconv.Itoa(fd))
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(link, "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 64)
	return inode, err == nil
}

// Handles keeps pidfds of threads, since opening one for each call costs more
// than the call. Safe for concurrent use.
type Handles struct {
	mu      sync.Mutex
	threads map[int]*handle
}

// handle is a pidfd and the process of its thread, 0 when not asked for yet.
type handle struct {
	*sys.FD
	process int
}

const maxHandles = 256

// NewHandles returns an empty set.
func NewHandles() *Handles { return &Handles{threads: map[int]*handle{}} }

// Duplicate returns a duplicate of a thread's descriptor, pidfd_getfd(2).
// There being no such descriptor is EBADF.
func (h *Handles) Duplicate(thread, fd int) (*sys.FD, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if handle, ok := h.threads[thread]; ok {
		n, err := unix.PidfdGetfd(handle.Int(), fd, 0)
		if err == nil {
			return sys.Own(n), nil
		}
		if !errors.Is(err, unix.ESRCH) {
			return nil, duplicateError(err)
		}
		// Another thread has got the number of one that ended.
		handle.Close()
		delete(h.threads, thread)
	}
	handle, err := h.openLocked(thread)
	if err != nil {
		return nil, err
	}
	n, err := unix.PidfdGetfd(handle.Int(), fd, 0)
	if err != nil {
		return nil, duplicateError(err)
	}
	return sys.Own(n), nil
}

// Process returns the process id of a thread that is in a system call.
func (h *Handles) Process(thread int) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known, ok := h.threads[thread]
	if ok && known.process != 0 && known.alive() {
		return known.process, nil
	}
	if ok {
		known.Close()
		delete(h.threads, thread)
	}
	known, err := h.openLocked(thread)
	if err != nil {
		return 0, err
	}
	known.process, err = Process(thread)
	return known.process, err
}

// alive reports whether the thread that a pidfd refers to has not ended.
func (h *handle) alive() bool { return unix.PidfdSendSignal(h.Int(), 0, nil, 0) == nil }

func (h *Handles) openLocked(thread int) (*handle, error) {
	fd, err := open(thread)
	if err != nil {
		return nil, err
	}
	if len(h.threads) >= maxHandles {
		h.dropLocked()
	}
	fresh := &handle{FD: fd}
	h.threads[thread] = fresh
	return fresh, nil
}

// Close closes all handles.
func (h *Handles) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLocked()
}

func (h *Handles) dropLocked() {
	for thread, handle := range h.threads {
		handle.Close()
		delete(h.threads, thread)
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
