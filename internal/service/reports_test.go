package service

import (
	"log/slog"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// slowReports is an Observer whose reports wait.
type slowReports struct {
	noObserver
	begun, end chan struct{}
}

func (s slowReports) Report(uint32, bool, []byte) ([]byte, error) {
	s.begun <- struct{}{}
	<-s.end
	return []byte("{}"), nil
}

// TestReportsTakeTurns: a user with many callers who ask for the status does not
// stop the observer for all others.
func TestReportsTakeTurns(t *testing.T) {
	rules, err := policy.Parse("p.yaml", []byte("default: {}"))
	if err != nil {
		t.Fatal(err)
	}
	const callers = 6
	observer := slowReports{begun: make(chan struct{}, callers), end: make(chan struct{})}
	s := New(Config{Policy: rules, Observer: observer, Log: slog.New(slog.DiscardHandler),
		Limits: Limits{Reports: 4}})
	results := make(chan error, callers)
	for range callers {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		asks := sys.Own(pair[1])
		defer asks.Close()
		c, err := newCaller(s, sys.Own(pair[0]))
		if err != nil {
			t.Fatal(err)
		}
		defer c.end()
		go func() { results <- c.report(&wire.Status{Ref: 1}) }()
	}
	for range 3 { // the share of one user of 4
		<-observer.begun
	}
	ssatest.Await(t, "callers beyond the share wait",
		func() bool { return s.reports.Length() >= callers-3 })
	if len(observer.begun) != 0 {
		t.Error("more is told at a time than one user's share")
	}
	close(observer.end)
	for range callers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := s.reports.Taken(); n != 0 {
		t.Errorf("%d turns are taken still", n)
	}
}
