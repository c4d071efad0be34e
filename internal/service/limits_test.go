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
	u := newUsers(Limits{Connections: 18})
	alice, other, bob := limitKey{"default", 1}, limitKey{"other", 1}, limitKey{"default", 2}
	var places []*place
	take := func(p limitKey, server bool) *engine.Error {
		x, err := u.connection(p, rules.Default(), server)
		if err == nil {
			places = append(places, x)
		}
		return err
	}
	for i, tc := range []struct {
		program limitKey
		server  bool
		want    string // of the refusal
	}{
		{alice, false, ""}, {alice, true, ""}, {alice, false, ""}, {alice, false, "limits.connections"}, {alice, true, "limits.connections"},
		{other, false, ""}, {bob, false, ""}, {other, true, ""}, {other, true, ""}, {other, true, ""}, {limitKey{"third", 1}, true, ""},
		{limitKey{"third", 1}, false, "no room"}, {bob, true, ""},
	} {
		err := take(tc.program, tc.server)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("connection %d of %+v is refused: %v", i, tc.program, err)
		case tc.want != "" &&
			(err == nil || err.Reason != engine.Limited || !strings.Contains(err.Sentence, tc.want)):
			t.Errorf("connection %d of %+v: got %v, want a refusal with %q", i, tc.program, err, tc.want)
		}
	}
	if err := places[1].established(); err == nil ||
		!strings.Contains(err.Sentence, "limits.connections") {
		t.Errorf("a third client of alice's server is established: %v", err)
	}
	if err := places[5].established(); err != nil {
		t.Errorf("a second client of the other server: %v", err)
	}
	for _, x := range places {
		x.end()
		x.end() // again does nothing
	}
	if u.connections.sum != 0 || len(u.connections.by) != 0 || len(u.programs) != 0 {
		t.Errorf("%+v and %v are left of nothing", u.connections, u.programs)
	}
}

// TestCountsKeepRoom: users who take what they can get leave room for root, for
// those who have nothing yet, and for others than the many that one person may
// be.
func TestCountsKeepRoom(t *testing.T) {
	c := newCounts(16384)
	take := func(user uint32) (n int) {
		for c.add(user, 1) {
			n++
		}
		return n
	}
	if first, second := take(1000), take(1001); first > 16384/2 || second > 16384/4+1 {
		t.Errorf("two users have %d and %d of 16384", first, second)
	}
	for user := uint32(100000); user < 100000+65536; user++ { // of nobody that we know
		take(user)
	}
	for user := uint32(2000); user < 2010; user++ {
		if n := take(user); n < 4 {
			t.Errorf("user %d, who had nothing, gets %d", user, n)
		}
	}
	for user := uint32(3000); user < 5000; user++ {
		take(user)
	}
	if !c.add(0, 1) {
		t.Error("root gets nothing")
	}
	for user, n := range c.by {
		c.add(user, -n)
	}
	if c.sum != 0 || len(c.by) != 0 || len(c.blocks) != 0 {
		t.Errorf("%d are left of nothing, %v, %v", c.sum, c.by, c.blocks)
	}
}
