package target

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// registration is an entry of an epoll set, as /proc/PID/fdinfo of the set's
// descriptor shows it (proc_pid_fdinfo(5)).
type registration struct {
	epoll  int // the set's descriptor in the program
	events uint32
	data   uint64
}

// Descriptors lists the numbers of a thread's descriptors of one socket.
func Descriptors(thread int, inode uint64) []int {
	want := "socket:[" + strconv.FormatUint(inode, 10) + "]"
	var all []int
	eachDescriptor(thread, func(n int, link string) {
		if link == want {
			all = append(all, n)
		}
	})
	return all
}

func eachDescriptor(thread int, f func(n int, link string)) {
	dir := "/proc/" + strconv.Itoa(thread) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if link, err := os.Readlink(dir + "/" + e.Name()); err == nil {
			f(n, link)
		}
	}
}

// registrations finds the epoll sets of a thread that watch descriptor fd of
// the file with an inode.
func registrations(thread, fd int, inode uint64) []registration {
	var all []registration
	eachDescriptor(thread, func(n int, link string) {
		if link != "anon_inode:[eventpoll]" {
			return
		}
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", thread, n))
		if err != nil {
			return
		}
		for line := range strings.Lines(string(info)) {
			if r, ok := parseRegistration(line, fd, inode); ok {
				r.epoll = n
				all = append(all, r)
			}
		}
	})
	return all
}

// parseRegistration reads a line such as
// "tfd:        5 events: 80000019 data:                5 pos:0 ino:61 sdev:8".
func parseRegistration(line string, fd int, inode uint64) (registration, bool) {
	fields := strings.Fields(strings.ReplaceAll(line, ":", ": "))
	values := map[string]string{}
	for i := 0; i+1 < len(fields); i += 2 {
		values[strings.TrimSuffix(fields[i], ":")] = fields[i+1]
	}
	tfd, err1 := strconv.Atoi(values["tfd"])
	events, err2 := strconv.ParseUint(values["events"], 16, 32)
	data, err3 := strconv.ParseUint(values["data"], 16, 64)
	ino, err4 := strconv.ParseUint(values["ino"], 16, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || tfd != fd || ino != inode {
		return registration{}, false
	}
	return registration{events: uint32(events), data: data}, true
}

// MoveRegistrations makes the epoll sets of a thread that watch descriptor fd
// of the socket old watch descriptor fd of the socket new, with the same
// events and data. An epoll set knows a descriptor by its number and open file
// (epoll(7)), so the kernel would go on watching the old one.
func (h *Handles) MoveRegistrations(thread, fd int, inode uint64, old, new *sys.FD) error {
	for _, r := range registrations(thread, fd, inode) {
		set, err := h.Duplicate(thread, r.epoll)
		if err != nil {
			return err
		}
		err = inPrivateTable(func() error {
			return moveRegistration(set.Int(), fd, r, old.Int(),
				new.Int())
		})
		set.Close()
		if err != nil {
			return fmt.Errorf("moving a registration in an epoll set: %w", err)
		}
	}
	return nil
}

// inPrivateTable runs f on a thread with a descriptor table of its own
// (unshare(2), CLONE_FILES), where any number can be given to any file.
func inPrivateTable(f func() error) error {
	done := make(chan error)
	go func() {
		// The table belongs to the thread, which ends with the locked goroutine.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_FILES)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// moveRegistration works in a private table. The files are first moved out of
// the way of the number.
func moveRegistration(set, fd int, r registration, old, new int) error {
	var high [3]int
	for i, n := range []int{set, old, new} {
		var err error
		if high[i], err = unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, fd+1); err != nil {
			return err
		}
	}
	set, old, new = high[0], high[1], high[2]
	if err := unix.Dup3(old, fd, unix.O_CLOEXEC); err != nil {
		return err
	}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_DEL, fd, nil); err != nil {
		return err
	}
	if err := unix.Dup3(new, fd, unix.O_CLOEXEC); err != nil {
		return err
	}
	event := unix.EpollEvent{Events: r.events, Fd: int32(uint32(r.data)),
		Pad: int32(uint32(r.data >> 32))}
	return unix.EpollCtl(set, unix.EPOLL_CTL_ADD, fd, &event)
}
