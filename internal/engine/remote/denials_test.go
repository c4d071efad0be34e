//go:build linux

package remote_test

import (
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/remote"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// listening is a service that answers as a test says.
type listening struct {
	t      *testing.T
	socket *sys.FD
	path   string
}

func newListening(t *testing.T) *listening {
	socket, path := serviceSocket(t)
	if err := unix.SetNonblock(socket.Int(), false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return &listening{t, socket, path}
}

// accept takes a caller on and greets it.
func (l *listening) accept() *wire.Conn {
	l.t.Helper()
	fd, _, err := unix.Accept4(l.socket.Int(), unix.SOCK_CLOEXEC)
	if err != nil {
		l.t.Fatal(err)
	}
	conn, err := wire.NewConn(sys.Own(fd), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(conn.Close)
	if _, hello := receive(l.t, conn).(*wire.Hello); !hello {
		l.t.Fatal("a caller does not begin with Hello")
	}
	if err := conn.Send(&wire.Welcome{Version: wire.Version, IDs: 1}); err != nil {
		l.t.Fatal(err)
	}
	return conn
}

func receive(t *testing.T, conn *wire.Conn) wire.Message {
	t.Helper()
	frame, err := conn.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	frame.Close()
	return frame.Message
}

// lines is a log that keeps what it is told.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func denial(t *testing.T, sentence string) *engine.Denial {
	t.Helper()
	n, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &engine.Denial{Process: sys.Own(n), Exe: "/bin/x", ID: 5, Sentence: sentence}
}

// TestDenialsDoNotWait: a service that does not answer holds nobody up; what
// does not wait any more is counted, and told with the next.
func TestDenialsDoNotWait(t *testing.T) {
	l := newListening(t)
	e := remote.New(remote.Config{Path: l.path, Log: slog.New(slog.DiscardHandler)})
	e.Denied(denial(t, "first"))
	conn := l.accept()
	if m := receive(t, conn).(*wire.Denied); m.Sentence != "first" || m.Exe != "/bin/x" ||
		m.ID != 5 || m.Missed != 0 {
		t.Errorf("told is %+v", m)
	}
	const waiting = 64
	for range waiting + 10 { // nobody answers meanwhile
		e.Denied(denial(t, "more"))
	}
	if err := conn.Send(&wire.Done{Ref: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range waiting {
		m := receive(t, conn).(*wire.Denied)
		if want := map[bool]uint64{true: 10, false: 0}[i == 0]; m.Missed != want || m.Sentence != "more" {
			t.Errorf("the %dth that waited is %+v, want %d missed", i, m, want)
		}
		if err := conn.Send(&wire.Done{Ref: m.Ref}); err != nil {
			t.Fatal(err)
		}
	}
	e.Close()
}

// TestDenialsToAnotherService: the one that takes over is told.
func TestDenialsToAnotherService(t *testing.T) {
	l := newListening(t)
	log := &lines{}
	e := remote.New(remote.Config{Path: l.path, Log: slog.New(slog.NewTextHandler(log, nil))})
	e.Denied(denial(t, "kept"))
	old := l.accept()
	receive(t, old)
	old.Close()
	conn := l.accept()
	if m := receive(t, conn).(*wire.Denied); m.Sentence != "kept" {
		t.Errorf("the other service is told %+v", m)
	}
	if err := conn.Send(&wire.Done{Ref: 1}); err != nil {
		t.Fatal(err)
	}
	e.Close()
	if got := log.String(); got != "" {
		t.Errorf("the log says %q", got)
	}
}

// TestDenialsToAnOldService: one that does not know the message, and ends the
// connection, is asked no third time.
func TestDenialsToAnOldService(t *testing.T) {
	l := newListening(t)
	log := &lines{}
	e := remote.New(remote.Config{Path: l.path, Log: slog.New(slog.NewTextHandler(log, nil))})
	e.Denied(denial(t, "unknown"))
	for range 2 {
		conn := l.accept()
		receive(t, conn)
		conn.Close()
	}
	e.Close()
	if got := log.String(); !strings.Contains(got, "1 refusals could not be reported to the service") {
		t.Errorf("the log says %q", got)
	}
}

// TestDenialsWithoutService: nothing waits, and the log says how many.
func TestDenialsWithoutService(t *testing.T) {
	log := &lines{}
	e := remote.New(remote.Config{Path: t.TempDir() + "/none",
		Log: slog.New(slog.NewTextHandler(log, nil))})
	for range 3 {
		e.Denied(denial(t, "no"))
	}
	e.Close()
	if got := log.String(); !strings.Contains(got, "3 refusals could not be reported to the service") {
		t.Errorf("the log says %q", got)
	}
	e.Denied(denial(t, "too late")) // and its pidfd is closed
}
