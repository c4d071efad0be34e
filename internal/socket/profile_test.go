package socket

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestProfileOfTheService: where a service is, it says which profile a program
// has, and what it does not say is not guessed.
func TestProfileOfTheService(t *testing.T) {
	r := newRig(t, ssatest.NewAuthority(t))
	const text = "profiles: [{name: lax, match: {exe: /lax}, plain_tcp: deny}, {name: here, match: {exe: /test}, plain_tcp: deny}]"
	whole, err := policy.Parse("p", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	outline, err := policy.Outline(whole.Files())
	if err != nil {
		t.Fatal(err)
	}
	r.own = subject.Program{Exe: "/test"}
	var name string
	var answer error
	r.table.cfg.NamePrograms = true
	r.table.cfg.Profile = func(context.Context, engine.ProgramClaim) (string, error) {
		return name, answer
	}
	down := &engine.Error{Reason: engine.Down, Sentence: "it is not there"}
	for _, tc := range []struct {
		what  string
		rules *policy.Policy
		name  string
		err   error
		want  string
		fails bool
	}{
		{"it says so", outline, "lax", nil, "lax", false},
		{"it says otherwise than what is found here", whole, "lax", nil, "lax", false},
		{"no profile", outline, "default", nil, "default", false},
		{"one of a newer policy", outline, "newer", nil, "default", false},
		{"it refuses", whole, "", &engine.Error{Reason: engine.Refused}, "default", true},
		{"it has died", outline, "", down, "default", true},
		{"it is not there yet", whole, "", down, "here", false},
	} {
		name, answer = tc.name, tc.err
		s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
		e, err := r.table.policyFor(tc.rules, c)
		if e.Profile != tc.want || (err != nil) != tc.fails || tc.fails && !errors.Is(err, tc.err) {
			t.Errorf("%s: profile %s, %v", tc.what, e.Profile, err)
		}
		s.rules = tc.rules
		s.mu.Lock()
		got, kept := s.baseLocked(c).Profile, s.base != nil
		s.mu.Unlock()
		if got != tc.want || kept == tc.fails {
			t.Errorf("%s: the socket is under %s, for good: %v", tc.what, got, kept)
		}
	}
}
