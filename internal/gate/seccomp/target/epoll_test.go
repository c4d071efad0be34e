package target

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

func TestParseRegistration(t *testing.T) {
	line := "tfd:        5 events: 80000019 data:   deadbeef00000005  pos:0 ino:61 sdev:8\n"
	r, ok := parseRegistration(line, 5, 0x61)
	if !ok || r.events != 0x80000019 || r.data != 0xdeadbeef00000005 {
		t.Errorf("parseRegistration = %+v, %v", r, ok)
	}
	for _, c := range []struct {
		line  string
		fd    int
		inode uint64
	}{{line, 6, 0x61}, {line, 5, 0x62}, {"pos:\t0\n", 0, 0}, {"", 0, 0},
		{"tfd: x events: y data: z ino: w", 0, 0}} {
		if r, ok := parseRegistration(c.line, c.fd, c.inode); ok {
			t.Errorf("parseRegistration(%q, %d, %#x) = %+v", c.line, c.fd, c.inode, r)
		}
	}
}

func FuzzParseRegistration(f *testing.F) {
	f.Add("tfd:        5 events: 80000019 data:   deadbeef00000005  pos:0 ino:61 sdev:8\n", 5, uint64(0x61))
	f.Fuzz(func(t *testing.T, line string, fd int, inode uint64) {
		if _, ok := parseRegistration(line, fd+1, inode); ok {
			if _, ok := parseRegistration(line, fd, inode); ok {
				t.Errorf("%q registers both descriptor %d and %d", line, fd, fd+1)
			}
		}
	})
}

// The set watches the new file under the same number, with the same data, and
// no longer the old one.
func TestMoveRegistrations(t *testing.T) {
	old, oldPeer := socketpair(t)
	fresh, freshPeer := socketpair(t)
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(set)
	fd := old.Int()
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: 77, Pad: 78}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		t.Fatal(err)
	}
	inode, err := old.SocketInode()
	if err != nil {
		t.Fatal(err)
	}
	keep, err := old.Dup()
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	h := NewHandles()
	defer h.Close()
	if err := h.MoveRegistrations(os.Getpid(), fd, inode, keep, fresh); err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup3(fresh.Int(), fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	events := make([]unix.EpollEvent, 4)
	unix.Write(oldPeer.Int(), []byte("x"))
	if n, err := unix.EpollWait(set, events, 0); n != 0 || err != nil {
		t.Errorf("the old file still gives %d events (%v)", n, err)
	}
	unix.Write(freshPeer.Int(), []byte("x"))
	n, err := unix.EpollWait(set, events, 1000)
	if n != 1 || err != nil || events[0].Fd != 77 || events[0].Pad != 78 {
		t.Errorf("the new file gives %d events (%v), first %+v; want one with data 77, 78", n, err, events[0])
	}
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_MOD, fd, &event); err != nil {
		t.Errorf("modifying the registration by number: %v", err)
	}
}

func socketpair(t *testing.T) (*sys.FD, *sys.FD) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := sys.Own(p[0]), sys.Own(p[1])
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}
