package sys

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func pair(t *testing.T) (*FD, *FD) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := Own(p[0]), Own(p[1])
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func inode(t *testing.T, f *FD) uint64 {
	t.Helper()
	n, err := f.SocketInode()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDiagFindsPeerAndNoticesClose(t *testing.T) {
	d, err := OpenDiag()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a, b := pair(t)
	ai, bi := inode(t, a), inode(t, b)
	if d.fd != nil {
		if got, err := d.Peer(ai); err != nil || got != bi {
			t.Errorf("Peer(%d) = %d, %v; want %d", ai, got, err, bi)
		}
	}
	for _, diag := range []*Diag{d, {}} {
		if ok, err := diag.Exists(bi); !ok || err != nil {
			t.Errorf("Exists of an open socket = %v, %v", ok, err)
		}
	}
	b.Close()
	for _, diag := range []*Diag{d, {}} {
		if ok, err := diag.Exists(bi); ok || err != nil {
			t.Errorf("Exists of a closed socket = %v, %v", ok, err)
		}
	}
}

// The first answer may be that there is no such socket.
func TestDiagBeginsWithAClosedSocket(t *testing.T) {
	d, err := OpenDiag()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a, b := pair(t)
	ai, bi := inode(t, a), inode(t, b)
	b.Close()
	for range 2 {
		if ok, err := d.Exists(bi); ok || err != nil {
			t.Errorf("Exists of a closed socket = %v, %v", ok, err)
		}
	}
	if ok, err := d.Exists(ai); !ok || err != nil {
		t.Errorf("Exists of an open socket = %v, %v", ok, err)
	}
}

func TestHiddenNameConnectsOnlyItsHolder(t *testing.T) {
	listener, err := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dir := t.TempDir()
	name, err := BindHidden(listener.Int(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer name.Close()
	if err := unix.Listen(listener.Int(), 1); err != nil {
		t.Fatal(err)
	}
	stranger, _ := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	defer stranger.Close()
	if err := unix.Connect(stranger.Int(), &unix.SockaddrUnix{Name: dir + "/l"}); !errors.Is(err,
		unix.ENOENT) {
		t.Errorf("connecting by path: %v, want ENOENT", err)
	}
	if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
		t.Errorf("the name leaves %v, %v", left, err)
	}
	ours, _ := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	defer ours.Close()
	if err := name.Connect(ours.Int()); err != nil {
		t.Fatalf("connecting by the hidden name: %v", err)
	}
	for range 2 {
		if bound, err := name.Bound(); !bound || err != nil {
			t.Errorf("Bound of a listener with a full queue = %v, %v", bound, err)
		}
	}
	listener.Close()
	if bound, err := name.Bound(); bound || err != nil {
		t.Errorf("Bound of a closed listener = %v, %v", bound, err)
	}
	late, _ := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	defer late.Close()
	if err := name.Connect(late.Int()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("connecting to a closed listener: %v, want ECONNREFUSED", err)
	}
}

func TestFDClosesOnce(t *testing.T) {
	a, _ := pair(t)
	n := a.Int()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if a.Int() != -1 {
		t.Errorf("Int after close = %d, want -1", a.Int())
	}
	if err := unix.Close(n); err == nil {
		t.Errorf("descriptor %d was still open", n)
	}
}

// Who adds to a watch while another ends it can tell that from a failure.
func TestClosedWatch(t *testing.T) {
	w, err := NewWatch()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(t.TempDir()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Add to a closed watch: %v, want os.ErrClosed", err)
	}
	if err := w.Wait(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Wait for a closed watch: %v, want os.ErrClosed", err)
	}
}

// TestBriefCalls: they do and say what those of package unix do.
func TestBriefCalls(t *testing.T) {
	a, b := pair(t)
	for _, fd := range []*FD{a, b} {
		if err := setNonblock(fd.Int()); err != nil {
			t.Fatal(err)
		}
		if nonblock, err := fd.Nonblocking(); !nonblock || err != nil {
			t.Fatalf("after setNonblock: %v, %v", nonblock, err)
		}
	}
	buf := make([]byte, 16)
	if got := Poll(b.Int(), unix.POLLIN|unix.POLLOUT); got != unix.POLLOUT {
		t.Errorf("Poll of what can be written alone = %#x", got)
	}
	if n, err := Sendmsg(a.Int(), []byte("abc"), nil, 0); n != 3 || err != nil {
		t.Fatalf("Sendmsg = %d, %v", n, err)
	}
	if got := Poll(b.Int(), unix.POLLIN|unix.POLLOUT); got != unix.POLLIN|unix.POLLOUT {
		t.Errorf("Poll = %#x", got)
	}
	if n, controls, _, err := Recvmsg(b.Int(), buf, nil, 0); string(buf[:n]) != "abc" ||
		controls != 0 || err != nil {
		t.Errorf("Recvmsg = %q, %d, %v", buf[:n], controls, err)
	}
	if n, err := Sendmsg(a.Int(), []byte("de"), unix.UnixRights(a.Int()),
		unix.MSG_NOSIGNAL); n != 2 || err != nil {
		t.Fatalf("Sendmsg = %d, %v", n, err)
	}
	control := make([]byte, unix.CmsgSpace(4))
	n, controls, flags, err := Recvmsg(b.Int(), buf, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil || string(buf[:n]) != "de" || controls != len(control) ||
		flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0 {
		t.Fatalf("Recvmsg = %d, %d, %#x, %v", n, controls, flags, err)
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 {
		t.Fatalf("the ancillary data are %v, %v", messages, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("the descriptors are %v, %v", fds, err)
	}
	received := Own(fds[0])
	defer received.Close()
	theirs, _ := received.SocketInode()
	if ours, _ := a.SocketInode(); ours != theirs {
		t.Errorf("socket %d was received, and %d was sent", theirs, ours)
	}
	if _, _, _, err := Recvmsg(b.Int(), buf, control, 0); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("Recvmsg of nothing: %v", err)
	}
	received.Close()
	if err := unix.Shutdown(a.Int(), unix.SHUT_RDWR); err != nil {
		t.Error(err)
	}
	if n, _, _, err := Recvmsg(b.Int(), buf, nil, 0); n != 0 || err != nil {
		t.Errorf("Recvmsg after a shutdown = %d, %v", n, err)
	}
	if _, err := Sendmsg(b.Int(), []byte("x"), nil, unix.MSG_NOSIGNAL); !errors.Is(err, unix.EPIPE) {
		t.Errorf("Sendmsg after a shutdown: %v", err)
	}
	if !Gone(b.Int()) || !HungUp(b.Int()) || Poll(-1, unix.POLLIN) != 0 {
		t.Error("poll does not tell of a shutdown")
	}
}

// TestUnixAddresses: names of all lengths, with and without an end.
func TestUnixAddresses(t *testing.T) {
	for _, name := range []string{"\x00ssa-test-x", "\x00" + strings.Repeat("n", 106)} {
		listener, _ := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		defer listener.Close()
		if err := BindUnix(listener.Int(), name); err != nil {
			t.Fatal(err)
		}
		addr, err := unix.Getsockname(listener.Int())
		if err != nil || addr.(*unix.SockaddrUnix).Name != "@"+name[1:] {
			t.Errorf("the name %q became %+v, %v", name, addr, err)
		}
	}
	dgram, _ := Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	defer dgram.Close()
	if err := ConnectUnix(dgram.Int(), strings.Repeat("p", 108)); err != unix.ENAMETOOLONG {
		t.Errorf("a path that does not fit: %v", err)
	}
	if err := ConnectUnix(dgram.Int(), "/nowhere/at/all"); err != unix.ENOENT {
		t.Errorf("a path of nothing: %v", err)
	}
}
