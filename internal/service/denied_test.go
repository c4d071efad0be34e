package service

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	programs "github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// refusals is an Observer that keeps what was refused.
type refusals struct {
	noObserver
	all *[]Refusal
}

func (r refusals) Refused(f *Refusal) { *r.all = append(*r.all, *f) }

// looked is an Identifier whose answer is given.
type looked struct {
	process programs.Process
	err     error
}

func (l *looked) Identify(*sys.FD) (programs.Process, error) { return l.process, l.err }

// gateRig is a caller of this user, and what the observer was told.
type gateRig struct {
	caller     *caller
	identifier *looked
	told       []Refusal
	answer     *wire.Conn
}

func newGateRig(t *testing.T) *gateRig {
	t.Helper()
	rules, err := policy.Parse("p.yaml", []byte("profiles: [{name: web, match: {exe: /bin/web}}]"))
	if err != nil {
		t.Fatal(err)
	}
	r := &gateRig{identifier: &looked{}}
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	r.identifier.process = programs.Process{Program: subject.Program{Exe: "/bin/web", UID: uid,
		GID: gid}, PID: 7, UIDs: [4]uint32{uid, uid, uid, uid}, GIDs: [4]uint32{gid, gid, gid, gid}}
	s := New(Config{Policy: rules, Identifier: r.identifier, Observer: refusals{all: &r.told},
		Log: slog.New(slog.DiscardHandler)})
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.answer, err = wire.NewConn(sys.Own(pair[1]), nil); err != nil {
		t.Fatal(err)
	}
	if r.caller, err = newCaller(s, sys.Own(pair[0])); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.caller.end()
		r.answer.Close()
	})
	return r
}

// tell says a refusal and returns the answer.
func (r *gateRig) tell(t *testing.T, m *wire.Denied, pidfd *sys.FD) wire.Message {
	t.Helper()
	if err := r.caller.denied(m, pidfd); err != nil {
		t.Fatal(err)
	}
	frame, err := r.answer.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	frame.Close()
	return frame.Message
}

func (r *gateRig) self(t *testing.T) *sys.FD { return pidfdOf(t, os.Getpid()) }

// TestDenied: what a gate tells is told on, with what the service knows of the
// program itself.
func TestDenied(t *testing.T) {
	r := newGateRig(t)
	m := &wire.Denied{Ref: 1, Exe: "/bin/web", ID: 5, Server: true, Name: "a.example",
		Peer: "192.0.2.1:443", Sentence: "no", Position: "p.yaml:1:2", Missed: 3}
	if _, done := r.tell(t, m, r.self(t)).(*wire.Done); !done || len(r.told) != 1 {
		t.Fatalf("told on are %+v", r.told)
	}
	f := r.told[0]
	if f.Process.PID != 7 || f.Profile != "web" || f.ID != 5 || !f.Server || f.Name != "a.example" ||
		f.Peer != netip.MustParseAddrPort("192.0.2.1:443") ||
		f.Err.Sentence != "no" || f.Err.Reason != engine.Refused ||
		*f.Denial != (Denial{Position: "p.yaml:1:2", Missed: 3}) {
		t.Errorf("told on is %+v, %+v", f, *f.Denial)
	}
	r.tell(t, &wire.Denied{Ref: 2, Limit: true}, r.self(t))
	if f := r.told[1]; f.Err.Reason != engine.Limited {
		t.Errorf("a limit is told on as %v", f.Err.Reason)
	}
}

// TestDeniedOfOthers: nobody tells of what is not his, nor with texts that no
// gate sends.
func TestDeniedOfOthers(t *testing.T) {
	r := newGateRig(t)
	own := r.identifier.process
	other := own
	other.UIDs[2]++
	for _, tc := range []struct {
		name    string
		m       wire.Denied
		process programs.Process
		err     error
		noPidfd bool
		cause   Cause
		alone   bool
	}{
		{"another user's process", wire.Denied{}, other, nil, false, Impersonation, false},
		{"no process", wire.Denied{}, own, nil, true, Unidentified, false},
		{"a process that has ended", wire.Denied{Exe: "/bin/gone"}, programs.Process{}, errors.New("it has ended"), false, Judged, true},
		{"another executable", wire.Denied{Exe: "/bin/other"}, own, nil, false, Judged, true},
		{"a long sentence", wire.Denied{Sentence: strings.Repeat("x", maxDenialText+1)}, own, nil, false, Nonsense, false},
		{"a long name", wire.Denied{Name: strings.Repeat("x", maxDenialText+1)}, own, nil, false, Nonsense, false},
		{"a peer that is none", wire.Denied{Peer: "a.example:443"}, own, nil, false, Nonsense, false},
	} {
		caller := r.caller.uid
		if tc.cause == Impersonation {
			r.caller.uid = 1 // not root, who speaks for all
		}
		r.told, r.identifier.process, r.identifier.err = nil, tc.process, tc.err
		pidfd := r.self(t)
		if tc.noPidfd {
			pidfd = nil
		}
		tc.m.Ref = 1
		_, done := r.tell(t, &tc.m, pidfd).(*wire.Done)
		r.caller.uid = caller
		if len(r.told) != 1 || r.told[0].Cause != tc.cause || done != (tc.cause == Judged) {
			t.Errorf("%s: told on are %+v", tc.name, r.told)
			continue
		}
		f := r.told[0]
		if alone := f.Denial != nil && f.Denial.Alone; alone != tc.alone ||
			alone && (f.Process.Exe != tc.m.Exe || f.Process.UIDs[1] != caller || f.Process.PID != 0) {
			t.Errorf("%s: told on is %+v, %+v", tc.name, f, f.Denial)
		}
	}
}

// TestDeniedFlood: of what a user tells too fast, the number is told on.
func TestDeniedFlood(t *testing.T) {
	r := newGateRig(t)
	now := r.caller.service.denials.now()
	r.caller.service.denials.now = func() time.Time { return now }
	for range maxDenials + 50 {
		r.tell(t, &wire.Denied{Ref: 1, Missed: 1}, r.self(t))
	}
	if len(r.told) != maxDenials {
		t.Fatalf("%d of %d are told on, want %d", len(r.told), maxDenials+50, maxDenials)
	}
	now = now.Add(denialsTime)
	r.tell(t, &wire.Denied{Ref: 1, Missed: 1 << 60}, r.self(t))
	r.tell(t, &wire.Denied{Ref: 1}, r.self(t))
	if last := r.told[maxDenials:]; len(last) != 2 || last[0].Denial.Missed != maxMissed ||
		last[1].Denial.Missed != 0 {
		t.Errorf("after the flood are told on %+v", last)
	}
	for range maxDenials - 2 + 50 {
		r.tell(t, &wire.Denied{Ref: 1, Missed: 1}, r.self(t))
	}
	now = now.Add(denialsTime)
	r.told = nil
	r.tell(t, &wire.Denied{Ref: 1}, r.self(t))
	if len(r.told) != 1 || r.told[0].Denial.Missed != 2*50 {
		t.Errorf("after the second flood is told on %+v", r.told[0].Denial)
	}
}

// TestStatusOnly: who may ask for the status alone gets nothing else done.
func TestStatusOnly(t *testing.T) {
	r := newGateRig(t)
	if err := r.answer.Send(&wire.Hello{Version: wire.Version, StatusOnly: true}); err != nil {
		t.Fatal(err)
	}
	if err := r.caller.greet(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		m  wire.Message
		ok bool
	}{{&wire.Status{Ref: 1}, true}, {&wire.TakeOver{Ref: 1}, false}, {&wire.KeyLog{Ref: 1}, false},
		{&wire.Handshake{Ref: 1}, false},
		{&wire.Listen{Ref: 1}, false}, {&wire.Denied{Ref: 1}, false}, {&wire.Abort{Ref: 1}, false}} {
		if err := r.caller.dispatch(&wire.Frame{Message: tc.m}); (err == nil) != tc.ok {
			t.Errorf("%T is answered with %v", tc.m, err)
		}
	}
}
