package target

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// limitDescriptors leaves so many descriptors to this process, for a test.
func limitDescriptors(t *testing.T, free uint64) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	highest := uint64(len(all)) // numbers are given away from below
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE,
		&unix.Rlimit{Cur: highest + free, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}

// Pidfds that are kept give way to what is needed.
func TestHandlesGiveBack(t *testing.T) {
	ssatest.NoLeaks(t)
	a, _ := socketpair(t)
	h := NewHandles()
	defer h.Close()
	// Threads of this process stand for many short ones.
	var hold []int
	all := threadsHere(t)
	limitDescriptors(t, uint64(len(all)+4))
	for thread := range all {
		fd, err := h.Duplicate(thread, a.Int())
		if err != nil {
			t.Fatal(err)
		}
		fd.Close()
	}
	for {
		n, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		hold = append(hold, n)
	}
	fd, err := h.Duplicate(os.Getpid(), a.Int())
	for _, n := range hold {
		unix.Close(n)
	}
	if err != nil {
		t.Fatalf("with descriptors used up but for what is kept: %v", err)
	}
	fd.Close()
}

// threadsHere makes some threads and lists this process's.
func threadsHere(t *testing.T) map[int]bool {
	t.Helper()
	var ready, ended sync.WaitGroup
	end := make(chan struct{})
	t.Cleanup(func() { close(end); ended.Wait() })
	for range 6 {
		ready.Add(1)
		ended.Go(func() {
			runtime.LockOSThread()
			ready.Done()
			<-end
		})
	}
	ready.Wait()
	all, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	list := map[int]bool{}
	for _, e := range all {
		n := 0
		for _, d := range e.Name() {
			n = 10*n + int(d-'0')
		}
		list[n] = true
	}
	return list
}

// The pidfds that are kept are those used last, and those in use stay open.
func TestHandlesKeep(t *testing.T) {
	ssatest.NoLeaks(t)
	h := NewHandles()
	h.limit = 2
	pid := os.Getpid()
	first, fresh, err := h.get(pid)
	if err != nil || !fresh {
		t.Fatalf("get = %v, %v", fresh, err)
	}
	n := 0
	for thread := range threadsHere(t) {
		if thread != pid {
			other, _, err := h.get(thread)
			if err != nil {
				t.Fatal(err)
			}
			h.put(other, false)
			n++
		}
	}
	if len(h.threads) != 2 || n < 2 || h.threads[pid] != first {
		t.Errorf("%d pidfds of %d threads are kept, among them the one in use: %v", len(h.threads), n+1, h.threads[pid] == first)
	}
	h.Close()
	if err := unix.PidfdSendSignal(first.Int(), 0, nil, 0); err != nil {
		t.Errorf("a pidfd in use was closed: %v", err)
	}
	h.put(first, false)
	if first.Int() >= 0 || len(h.threads) != 0 {
		t.Error("the last user has closed nothing")
	}
}

func TestSocketInode(t *testing.T) {
	a, _ := socketpair(t)
	want, err := a.SocketInode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := SocketInode(os.Getpid(), a.Int()); err != nil || got != want {
		t.Errorf("SocketInode = %d, %v; want %d", got, err, want)
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, fd := range []int{int(null.Fd()), 1 << 20, -1} {
		if _, err := SocketInode(os.Getpid(), fd); !errors.Is(err, ErrNoSocket) {
			t.Errorf("SocketInode(%d): %v", fd, err)
		}
	}
	h := NewHandles()
	defer h.Close()
	if _, err := h.Duplicate(os.Getpid(), 1<<20); !errors.Is(err, abi.EBADF) {
		t.Errorf("Duplicate of nothing: %v", err)
	}
}
