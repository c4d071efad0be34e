package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Watch tells when something changes in folders (inotify(7)). It watches
// folders rather than files since editors replace a file by another one.
type Watch struct {
	file *os.File
}

// watchEvents are the ends of changes: a file that is still being written has
// not changed yet.
const watchEvents = unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM |
	unix.IN_MOVED_TO | unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// NewWatch makes a watch of no folder.
func NewWatch() (*Watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("making an inotify instance: %w", err)
	}
	return &Watch{os.NewFile(uintptr(fd), "inotify")}, nil
}

// Add watches a folder too. Adding one again does nothing, unless another
// folder has taken its name. A closed watch is os.ErrClosed.
func (w *Watch) Add(folder string) error {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("watching %s: %w", folder, err)
	}
	if closed := raw.Control(func(fd uintptr) {
		_, err = unix.InotifyAddWatch(int(fd), folder,
			watchEvents)
	}); closed != nil {
		err = os.ErrClosed // package os has an error of its own for this
	}
	if err != nil {
		return fmt.Errorf("watching %s: %w", folder, err)
	}
	return nil
}

// Wait returns nil when something has changed since the last time, and an
// error once the watch is closed. What changed, it does not tell: events may
// get lost, and whoever is told looks anyway.
func (w *Watch) Wait() error {
	var events [16 << 10]byte
	if _, err := w.file.Read(events[:]); err != nil {
		return fmt.Errorf("waiting for a change: %w", err)
	}
	return nil
}

// Close ends the watch, and a Wait under way.
func (w *Watch) Close() error { return w.file.Close() }
