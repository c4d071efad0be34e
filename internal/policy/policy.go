package policy

// Policy is a loaded and validated policy. It is immutable, and safe for
// concurrent use.
type Policy struct {
	fallback *Effective
	profiles []*profile // most specific first
	warnings []Problem
	files    []File
}

// For returns what holds for a program before it has asked for anything. It is
// the same pointer for all programs of a profile.
func (p *Policy) For(program Program) *Effective {
	program = program.normal()
	for _, profile := range p.profiles {
		if profile.match.matches(&program) {
			return profile.effective
		}
	}
	return p.fallback
}

// Default returns what holds for programs that no profile matches.
func (p *Policy) Default() *Effective { return p.fallback }

// Profiles returns the effective values of all profiles, the most specific
// profile first, without the default.
func (p *Policy) Profiles() []*Effective {
	all := make([]*Effective, len(p.profiles))
	for i, profile := range p.profiles {
		all[i] = profile.effective
	}
	return all
}

// Warnings returns what an administrator should be told at every load.
func (p *Policy) Warnings() []Problem { return p.warnings }
