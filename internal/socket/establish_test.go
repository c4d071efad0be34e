package socket

import (
	"context"
	"log/slog"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// onRecord is a handler of log records that does something at each.
type onRecord struct {
	slog.Handler
	do func()
}

func (h onRecord) Enabled(context.Context, slog.Level) bool { return true }

func (h onRecord) Handle(context.Context, slog.Record) error {
	h.do()
	return nil
}

// Another thread does not get the outcome that a thread waits for, nor begins a
// new attempt, before the one that waits has it.
func TestOutcomeIsFirstToldToWhoWaits(t *testing.T) {
	r, a := world(t)
	addr := sockaddr(peer(t, serverConfig(t, a)))
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	setOption(t, s, c, abi.RemoteHostname, "other.example")
	waiting, other := c.call(), c.call()
	between := 0
	r.table.cfg.Log = slog.New(onRecord{slog.DiscardHandler, func() {
		if between++; between > 1 {
			return
		}
		if err := unix.SetNonblock(c.end.Int(), true); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := s.Connect(other, addr); err != abi.EALREADY {
				t.Errorf("connect by another thread: %v, want EALREADY", err)
			}
		}
	}})
	if err := waiting.wait(s.Connect(waiting, addr)); Errno(err) != abi.EPROTO {
		t.Errorf("the connect that waited: %v, want EPROTO", err)
	}
	if err := s.Connect(other, addr); err != abi.EINPROGRESS {
		t.Errorf("connect after it: %v, want EINPROGRESS", err)
	}
}
