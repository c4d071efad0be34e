package sys

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Somebody else takes connections from the same blocking listener: one that
// was seen waiting may be gone. Nothing waits for the next.
func TestAcceptWaitingBesideThief(t *testing.T) {
	const rounds = 3000
	listener, err := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	name, err := BindHidden(listener.Int(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { name.Close() })
	if err := errors.Join(unix.Listen(listener.Int(), 10),
		unix.SetNonblock(listener.Int(), false)); err != nil {
		t.Fatal(err)
	}
	come := func() {
		fd, err := Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err == nil {
			err = name.Connect(fd.Int())
		}
		fd.Close()
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			t.Error(err)
		}
	}
	stolen, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stolen)
		for {
			n, _, err := unix.Accept4(listener.Int(), unix.SOCK_CLOEXEC)
			if err == nil {
				unix.Close(n)
			}
			select {
			case <-over:
				return
			default:
			}
		}
	}()
	taken := 0
	for i := range rounds {
		come()
		returned := make(chan error, 1)
		go func() {
			fd, err := AcceptWaiting(listener.Int())
			fd.Close()
			returned <- err
		}()
		select {
		case err := <-returned:
			if err == nil {
				taken++
			} else if !errors.Is(err, unix.EAGAIN) {
				t.Fatal(err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("round %d: waits for another connection", i)
		}
	}
	close(over)
	if err := unix.Shutdown(listener.Int(), unix.SHUT_RD); err != nil { // wakes the thief
		t.Error(err)
	}
	<-stolen
	t.Logf("%d of %d connections were taken, the others stolen", taken, rounds)
}
