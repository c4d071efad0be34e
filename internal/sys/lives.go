package sys

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Lives tells whether open files still exist anywhere: in a process that
// nobody may look at, or under way in a message. An epoll set keeps no file
// open, and has an entry of each until its last descriptor is closed
// (epoll(7)). Safe for concurrent use.
type Lives struct{ set *FD }

// OpenLives returns an empty set.
func OpenLives() (*Lives, error) {
	n, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an epoll set: %w", err)
	}
	return &Lives{Own(n)}, nil
}

// Watch adds the open file of a descriptor, which the caller closes.
func (l *Lives) Watch(f *FD) error {
	err := unix.EpollCtl(l.set.Int(), unix.EPOLL_CTL_ADD, f.Int(), &unix.EpollEvent{})
	if err != nil {
		return fmt.Errorf("watching an open file: %w", err)
	}
	return nil
}

// Inodes returns the inodes of those that exist.
func (l *Lives) Inodes() (map[uint64]bool, error) {
	info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(l.set.Int()))
	if err != nil {
		return nil, fmt.Errorf("looking at an epoll set: %w", err)
	}
	found := map[uint64]bool{}
	for line := range strings.Lines(string(info)) {
		_, rest, ok := strings.Cut(line, "ino:")
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, " ")
		if inode, err := strconv.ParseUint(digits, 16, 64); err == nil {
			found[inode] = true
		}
	}
	return found, nil
}

// Close closes the set.
func (l *Lives) Close() error { return l.set.Close() }
