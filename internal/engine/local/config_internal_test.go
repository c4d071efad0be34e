package local

import (
	"slices"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// A policy that says nothing means what the built-in one says.
func TestNothingSaidIsTheDefault(t *testing.T) {
	l := New(Config{})
	build := func(pol *policy.Effective) *settings {
		pol.Resumption, pol.SharedBy = true, policy.SharedByProfile
		return newSettings(l, "scope", &engine.Request{Policy: pol})
	}
	builtin := *policy.Builtin().Default()
	got, want := build(&policy.Effective{}), build(&builtin)
	if got.config.MinVersion != want.config.MinVersion ||
		got.config.MaxVersion != want.config.MaxVersion || got.lifetime != want.lifetime {
		t.Errorf("versions %#x to %#x and sessions of %v, want %#x to %#x and %v", got.config.MinVersion, got.config.MaxVersion, got.lifetime,
			want.config.MinVersion, want.config.MaxVersion, want.lifetime)
	}
	if !slices.Equal(got.config.CipherSuites, want.config.CipherSuites) ||
		!slices.Equal(got.suites13, want.suites13) {
		t.Errorf("suites %x and %x, want %x and %x", got.config.CipherSuites, got.suites13,
			want.config.CipherSuites, want.suites13)
	}
	if !slices.Equal(got.config.CurvePreferences, want.config.CurvePreferences) {
		t.Errorf("groups %v, want %v", got.config.CurvePreferences, want.config.CurvePreferences)
	}
}
