package policy

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/secure-socket-api/ssa/abi"
)

// Weaker is the error of a setting that would weaken the administrator's
// policy, or that the policy does not let a program set: EPERM.
type Weaker struct {
	Option abi.Option
	Value  string // "" when no value would be allowed
	Key    string // of the policy
	Limit  string // what the policy says for the key
	At     Position
}

func (e *Weaker) Error() string {
	what := strings.TrimSpace(e.Option.String() + " " + e.Value)
	return fmt.Sprintf("%s is not allowed: the policy has %s %s (%s)", what, e.Key, e.Limit, e.At)
}

// Impossible is the error of a setting that, with the others and the policy,
// leaves nothing to use: EINVAL.
type Impossible struct {
	Option abi.Option
	Value  string
	Reason string
}

func (e *Impossible) Error() string {
	return fmt.Sprintf("%v %s is not possible: %s", e.Option, e.Value, e.Reason)
}

// MayUse returns a *Weaker error when the policy does not let the program set
// an option.
func (e *Effective) MayUse(option abi.Option) error {
	if e.ProgramOptions == nil || slices.Contains(e.ProgramOptions, option) {
		return nil
	}
	return &Weaker{option, "", "program_options", showProgramOptions(e), e.Origin("program_options")}
}

// tightening is a computation of a new effective value.
type tightening struct {
	base  *Effective // the administrator's
	to    *Effective
	asked *ProgramSettings
}

// Tighten returns what holds for a socket whose program asked for settings:
// base itself when it asked for nothing. Errors are *Weaker or *Impossible, and
// then nothing changes.
func Tighten(base *Effective, asked ProgramSettings) (*Effective, error) {
	t := &tightening{base: base, asked: &asked}
	for _, rule := range Rules() {
		value := rule.text(&asked)
		if value == "" {
			continue
		}
		if err := base.MayUse(rule.Option); err != nil {
			return nil, err
		}
		if rule.apply == nil {
			continue
		}
		if t.to == nil {
			t.to = base.clone()
			t.to.base = base.Base()
		}
		if err := rule.apply(t); err != nil {
			return nil, err
		}
	}
	if t.to == nil {
		return base, nil
	}
	if t.to.MaxVersion < tls.VersionTLS13 && !hasClassicGroup(t.to.KeyExchange) {
		return nil, t.impossible(abi.VersionMax, "the policy has only groups of TLS 1.3 (key_exchange, %s)", base.Origin("key_exchange"))
	}
	return t.to, nil
}

// weaker and impossible make the errors of a rule.
func (t *tightening) weaker(option abi.Option, key, limit string) error {
	return &Weaker{option, t.value(option), key, limit, t.base.Origin(key)}
}

func (t *tightening) impossible(option abi.Option, format string, args ...any) error {
	return &Impossible{option, t.value(option), fmt.Sprintf(format, args...)}
}

func (t *tightening) value(option abi.Option) string { return heldOf(option).text(t.asked) }
