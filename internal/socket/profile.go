package socket

import (
	"errors"
	"fmt"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// policyFor finds the policy for a program: the service says which profile it
// has, where there is one, so that both judge by the same. Looking at a program
// costs system calls, which a policy without profiles does not need. With an
// error comes the default.
func (t *Table) policyFor(rules *policy.Policy, c Caller) (*policy.Effective, error) {
	if len(rules.Profiles()) == 0 {
		return rules.Default(), nil
	}
	if t.cfg.Profile == nil {
		return rules.For(c.Program()), nil
	}
	name, err := t.profileOf(c)
	var down *engine.Error
	switch {
	case err == nil:
		return rules.Named(name), nil
	case !rules.IsOutline() && errors.As(err, &down) && down.Reason == engine.Down:
		// There was no service yet: the machine's files say what holds.
		return rules.For(c.Program()), nil
	}
	return rules.Default(), fmt.Errorf("asking the service which profile the program has: %w", err)
}

func (t *Table) profileOf(c Caller) (string, error) {
	program, err := t.claimantOf(c)
	if err != nil {
		return "", err
	}
	defer program.close()
	return t.cfg.Profile(t.ctx, program.ProgramClaim)
}
