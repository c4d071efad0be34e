package sys

import (
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// descriptors is how many descriptors this process has.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// polledPair returns a stream that has been given to the poller, and its other
// end.
func polledPair(t *testing.T) (s *Stream, other *FD) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err = NewStream(Own(pair[0]), nil)
	if err == nil {
		_, err = s.SyscallConn()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, Own(pair[1])
}

// TestCloseWhileDetaching: the duplicate that Detach makes is closed too, whichever
// comes first.
func TestCloseWhileDetaching(t *testing.T) {
	first, end := polledPair(t) // the poller itself has descriptors
	first.Close()
	end.Close()
	before := descriptors(t)
	for range 20_000 {
		s, other := polledPair(t)
		var work sync.WaitGroup
		work.Go(func() { s.Close() })
		for range 3 {
			work.Go(func() { _ = s.Detach() })
		}
		work.Wait()
		other.Close()
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors are open after closing streams while they were detached, %d before", after, before)
	}
}
