package observer_test

import (
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/registry"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/service/observer"
)

// What was refused is told with what refused it, and where that is written.
func TestRefusals(t *testing.T) {
	weaker := &policy.Weaker{Option: abi.VersionMin, Key: "versions.min", At: policy.Position{File: "policy.yaml", Line: 3, Column: 5}}
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
		if len(told) != 1 || told[0].What != tc.what || told[0].Position != tc.position || told[0].Sentence != tc.refusal.Err.Sentence {
			t.Errorf("%v is told as %+v", tc.refusal.Err, told)
		}
	}
}
