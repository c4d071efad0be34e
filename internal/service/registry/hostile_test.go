package registry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// TestAnswerFits: whatever users name their programs, the administrator is
// answered, in a message that the protocol has room for.
func TestAnswerFits(t *testing.T) {
	r := registry.New(registry.Config{})
	long := strings.Repeat("<", 600) // six bytes each in JSON
	for i := range 600 {
		p := registry.ProgramInfo{UID: uint32(1000 + i%5), Exe: fmt.Sprint("/", i, long), Script: long,
			Cgroup: long}
		r.Refused(p, registry.Refusal{Name: long, What: registry.ByPolicy, Sentence: long,
			Position: long})
	}
	r.Begin(client(7)).Established(facts, after(1, 2))
	answer, err := r.Answer(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer) > 3<<20 {
		t.Errorf("an answer of %d bytes", len(answer))
	}
	var s registry.Status
	if err := json.Unmarshal(answer, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Connections) != 1 || len(s.Refusals) == 0 || len(s.Programs) < 2 {
		t.Errorf("told are %d connections, %d refusals and %d programs", len(s.Connections), len(s.Refusals), len(s.Programs))
	}
	refused, handshakes, rest := uint64(0), uint64(0), 0
	for _, p := range s.Programs {
		refused += p.Refused[registry.ByPolicy]
		handshakes += p.Handshakes
		if p.Program.Exe == "(others)" {
			rest++
		}
	}
	if refused != 600 || handshakes != 1 || rest != 1 || s.Totals.Refused[registry.ByPolicy] != 600 {
		t.Errorf("programs have %d refusals, %d handshakes, %d are of others; totals %+v", refused, handshakes, rest, s.Totals)
	}
}

// TestOneNumber: a caller that gives several connections one number hides none
// of them.
func TestOneNumber(t *testing.T) {
	r := registry.New(registry.Config{})
	first, second := r.Begin(client(7)), r.Begin(client(7))
	first.Established(facts, after(1, 2))
	second.Established(facts, after(10, 20))
	s := r.Snapshot(all, registry.Query{})
	if len(s.Connections) != 2 || s.Totals.Open != 2 || s.Totals.Sent != 11 ||
		s.Connections[0].ID == s.Connections[1].ID {
		t.Errorf("two connections of one number: %+v, totals %+v", s.Connections, s.Totals)
	}
	if s := r.Snapshot(all, registry.Query{ID: 7}); len(s.Connections) != 1 ||
		s.Connections[0].Sent != 1 {
		t.Errorf("connection 7 is %+v", s.Connections)
	}
	second.Ended(engine.End{Sent: 10, Received: 20})
	if s := r.Snapshot(all, registry.Query{}); len(s.Connections) != 1 || s.Connections[0].ID != 7 {
		t.Errorf("the second one has ended, and there are %+v", s.Connections)
	}
	first.Ended(engine.End{Sent: 1, Received: 2})
	if s := r.Snapshot(all, registry.Query{}); len(s.Connections) != 0 || s.Totals.Open != 0 {
		t.Errorf("both have ended, and there are %+v", s.Connections)
	}
}

// TestManyPrograms: a user with many programs pushes out his own, and nobody
// else's.
func TestManyPrograms(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := registry.New(registry.Config{Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}})
	r.Begin(client(1)).Failed(&engine.Error{Reason: engine.Network, Sentence: "gone"})
	for i := range 1000 {
		p := registry.ProgramInfo{UID: 6666, Exe: fmt.Sprint("/tmp/", i)}
		r.Refused(p, registry.Refusal{What: registry.ByPolicy, Sentence: "no"})
	}
	s := r.Snapshot(registry.Viewer{UID: curl.UID}, registry.Query{})
	if len(s.Programs) != 1 || s.Totals.Failed["network"] != 1 {
		t.Errorf("of the user with one program there is %+v", s.Programs)
	}
	if s := r.Snapshot(all, registry.Query{}); len(s.Programs) > 513 ||
		s.Totals.Refused[registry.ByPolicy] != 1000 {
		t.Errorf("%d programs, totals %+v", len(s.Programs), s.Totals)
	}
}

// TestManyCulprits: users who are refused a lot push out their own refusals.
func TestManyCulprits(t *testing.T) {
	r := registry.New(registry.Config{})
	refuse := func(uid uint32) {
		r.Refused(registry.ProgramInfo{UID: uid, Exe: "/bin/x"},
			registry.Refusal{What: registry.ByPolicy, Sentence: "no"})
	}
	refuse(curl.UID)
	for i := range 5000 {
		refuse(6000 + uint32(i%20))
	}
	if s := r.Snapshot(registry.Viewer{UID: curl.UID}, registry.Query{}); len(s.Refusals) != 1 {
		t.Errorf("of the user who was refused once there is %+v", s.Refusals)
	}
	if s := r.Snapshot(all, registry.Query{}); len(s.Refusals) != 512 {
		t.Errorf("%d refusals are kept", len(s.Refusals))
	}
}

// TestLabelText: names that look the same in metrics are one, and nothing in them
// is for a terminal to obey.
func TestLabelText(t *testing.T) {
	r := registry.New(registry.Config{})
	for _, exe := range []string{"/bin/a\xff", "/bin/a\xfe", "/bin/a\x1b", "/bin/a\u009b",
		"/bin/a\u202e"} {
		r.Begin(registry.Connection{ID: uint64(exe[len(exe)-1]),
			Program: registry.ProgramInfo{Exe: exe}}).Established(facts, after(1, 0))
	}
	c := r.Counters()
	if label := c.Programs["a?"]; len(c.Programs) != 1 || label.Open != 5 || label.Sent != 5 {
		t.Errorf("labels %+v", c.Programs)
	}
}

// TestProblemOfPolicy: what is wrong with the administrator's file is not told
// to everybody.
func TestProblemOfPolicy(t *testing.T) {
	r := registry.New(registry.Config{})
	r.Reloaded(fmt.Errorf("policy.yaml: no such key: hunter2"))
	for _, tc := range []struct {
		viewer registry.Viewer
		told   bool
	}{{all, true}, {registry.Viewer{UID: 1000}, false}} {
		if s := r.Snapshot(tc.viewer, registry.Query{}); (s.Service.Reloads.Problem != "") != tc.told ||
			s.Service.Reloads.Failed != 1 {
			t.Errorf("%+v is told %+v", tc.viewer, s.Service.Reloads)
		}
	}
}
