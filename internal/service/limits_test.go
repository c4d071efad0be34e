package service

import (
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

func TestConnectionLimits(t *testing.T) {
	rules, err := policy.Parse("p.yaml", []byte("default: {limits: {connections: 2}}"))
	if err != nil {
		t.Fatal(err)
	}
	u := newUsers(Limits{Connections: 8})
	alice, other, bob := program{"default", "/a", 1}, program{"default", "/b", 1}, program{"default", "/a", 2}
	var ends []func()
	take := func(p program) *engine.Error {
		end, err := u.connection(p, rules.Default())
		if err == nil {
			ends = append(ends, end)
		}
		return err
	}
	for i, tc := range []struct {
		program program
		want    string // of the refusal
	}{
		{alice, ""}, {alice, ""}, {alice, "limits.connections"}, {other, ""}, {bob, ""},
		{other, ""}, {program{"default", "/c", 1}, ""}, {program{"default", "/c", 1}, ""},
		{program{"default", "/d", 1}, "no room"}, {bob, ""}, {program{"default", "/d", 2}, "no room"},
	} {
		err := take(tc.program)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("connection %d of %+v is refused: %v", i, tc.program, err)
		case tc.want != "" && (err == nil || err.Reason != engine.Limited || !strings.Contains(err.Sentence, tc.want)):
			t.Errorf("connection %d of %+v: got %v, want a refusal with %q", i, tc.program, err, tc.want)
		}
	}
	for _, end := range ends {
		end()
		end() // again does nothing
	}
	if u.connections.sum != 0 || len(u.connections.by) != 0 || len(u.programs) != 0 {
		t.Errorf("%+v and %v are left of nothing", u.connections, u.programs)
	}
}
