package sys

import (
	"errors"
	"os"
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
	name, err := BindHidden(listener.Int(), dir, "l")
	if err != nil {
		t.Fatal(err)
	}
	defer name.Close()
	if err := unix.Listen(listener.Int(), 1); err != nil {
		t.Fatal(err)
	}
	stranger, _ := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	defer stranger.Close()
	if err := unix.Connect(stranger.Int(), &unix.SockaddrUnix{Name: dir + "/l"}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("connecting by path: %v, want ENOENT", err)
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
