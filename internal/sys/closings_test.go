package sys

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// The end of a listening socket is told when its last descriptor is closed, and
// not before; until then it can be connected to.
func TestClosings(t *testing.T) {
	closings, err := NewClosings()
	if err != nil {
		t.Fatal(err)
	}
	defer closings.Close()
	dir := t.TempDir()
	make := func() (*FD, *UnixName) {
		l, err := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		bound, err := BindWatched(l.Int(), dir, closings)
		if err != nil {
			t.Fatal(err)
		}
		if bound.Number < 0 {
			t.Fatal("the socket is not watched")
		}
		if err := unix.Listen(l.Int(), 5); err != nil {
			t.Fatal(err)
		}
		return l, bound
	}
	first, firstName := make()
	defer firstName.Close()
	second, secondName := make()
	defer secondName.Close()
	copied, err := first.Dup()
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	client, err := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := firstName.Connect(client.Int()); err != nil {
		t.Fatalf("connecting to a watched socket: %v", err)
	}
	second.Close()
	closed, all, err := closings.Wait()
	if err != nil || all || !slices.Equal(closed, []int{secondName.Number}) {
		t.Fatalf("the second socket has been closed, and of the first one copy: told %v, %v, %v, want %d", closed, all, err, secondName.Number)
	}
	copied.Close()
	closed, all, err = closings.Wait()
	if err != nil || all || !slices.Equal(closed, []int{firstName.Number}) {
		t.Fatalf("told %v, %v, %v, want %d", closed, all, err, firstName.Number)
	}
	closings.Close()
	if _, _, err := closings.Wait(); err == nil {
		t.Error("a closed watch waits")
	}
}
