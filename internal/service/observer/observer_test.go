package observer_test

import (
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/service/observer"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// What was refused is told with what refused it, and where that is written.
func TestRefusals(t *testing.T) {
	weaker := &policy.Weaker{Option: abi.VersionMin, Key: "versions.min",
		At: policy.Position{File: "policy.yaml", Line: 3, Column: 5}}
	for _, tc := range []struct {
		refusal        service.Refusal
		what, position string
	}{
		{service.Refusal{Err: &engine.Error{Reason: engine.Refused, Sentence: weaker.Error(), Err: weaker}}, registry.ByPolicy, "policy.yaml:3:5"},
		{service.Refusal{Err: &engine.Error{Reason: engine.Limited, Sentence: "many"}}, registry.ByLimit, ""},
		{service.Refusal{Err: &engine.Error{Reason: engine.Refused, Sentence: "not yours"}, Cause: service.Impersonation}, registry.Impersonation, ""},
	} {
		var told []registry.Refusal
		r := registry.New(registry.Config{Audit: func(f registry.Refusal) { told = append(told, f) }})
		observer.New(r, nil).Refused(&tc.refusal)
		if len(told) != 1 || told[0].What != tc.what || told[0].Position != tc.position ||
			told[0].Sentence != tc.refusal.Err.Sentence {
			t.Errorf("%v is told as %+v", tc.refusal.Err, told)
		}
	}
}

// What a gate tells is marked as its word; a program that nobody has checked is
// shown, and counted by no name.
func TestDenials(t *testing.T) {
	var told []registry.Refusal
	r := registry.New(registry.Config{Audit: func(f registry.Refusal) { told = append(told, f) }})
	o := observer.New(r, nil)
	process := program.Process{Program: subject.Program{Exe: "/bin/x"}, PID: 7,
		UIDs: [4]uint32{5, 5, 5, 5}}
	for _, alone := range []bool{false, true} {
		o.Refused(&service.Refusal{Connection: service.Connection{Process: process}, Caller: 5,
			Err:    &engine.Error{Reason: engine.Refused, Sentence: "no"},
			Denial: &service.Denial{Alone: alone, Position: "p:1:2", Missed: 2}})
	}
	if f := told[0]; f.Source != registry.ByGate || f.Program.Exe != "/bin/x" || f.Exe != "" ||
		f.Position != "p:1:2" || f.Missed != 2 || f.What != registry.ByPolicy {
		t.Errorf("a known program is told as %+v", f)
	}
	if f := told[1]; f.Source != registry.ByGateAlone || f.Program.Exe != "(unknown)" ||
		f.Program.UID != 5 || f.Exe != "/bin/x" {
		t.Errorf("a program that has ended is told as %+v", f)
	}
	c := r.Counters()
	if c.Missed != 4 || c.Programs["x"].Refused != 1 || c.Programs["(unknown)"].Refused != 1 {
		t.Errorf("counted are %d, %+v", c.Missed, c.Programs)
	}
	if all, own := r.Snapshot(registry.Viewer{All: true}, registry.Query{}),
		r.Snapshot(registry.Viewer{UID: 5}, registry.Query{}); all.Totals.Missed != 4 ||
		own.Totals.Missed != 0 {
		t.Errorf("shown as missed are %d, and %d to a user", all.Totals.Missed, own.Totals.Missed)
	}
}
