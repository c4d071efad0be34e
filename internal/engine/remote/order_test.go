//go:build linux

package remote

import (
	"context"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

func connPair(t *testing.T) (a, b *wire.Conn) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, to := range []**wire.Conn{&a, &b} {
		if *to, err = wire.NewConn(sys.Own(pair[i]), nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup((*to).Close)
	}
	return a, b
}

func stream(t *testing.T) *sys.Stream {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(pair[1])
	s, err := sys.NewStream(sys.Own(pair[0]), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestReferencesGoOutInOrder: the service ends a gate that sends an older
// reference after a newer one, so that many handshakes at once must not.
func TestReferencesGoOutInOrder(t *testing.T) {
	ours, theirs := connPair(t)
	l := &link{engine: New(Config{}), conn: ours, down: make(chan struct{}), waiting: map[uint64]chan wire.Message{}, conns: map[uint64]*connection{}}
	const each, callers = 50, 16
	var work sync.WaitGroup
	for range callers {
		work.Go(func() {
			for range each {
				l.begun(t)
			}
		})
	}
	last := uint64(0)
	for range callers * each {
		frame, err := theirs.Receive(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		frame.Close()
		m, ok := frame.Message.(*wire.Handshake)
		if !ok {
			t.Fatalf("%T was sent", frame.Message)
		}
		if m.Ref <= last {
			t.Errorf("reference %d was sent after %d", m.Ref, last)
		}
		last = max(last, m.Ref)
		l.answer(m.Ref, &wire.Refused{Ref: m.Ref, Reason: 1, Sentence: "no"})
	}
	work.Wait()
}

// begun begins a handshake, which is refused.
func (l *link) begun(t *testing.T) {
	conn, err := l.handshake(t.Context(), stream(t), &wire.Handshake{ID: 1}, nil)
	if err == nil {
		t.Error("a refused handshake succeeded")
		conn.Abort()
	}
}
