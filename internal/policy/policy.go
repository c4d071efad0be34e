package policy

import (
	"slices"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
)

// Policy is a loaded and validated policy. It is immutable, and safe for
// concurrent use.
type Policy struct {
	fallback *Effective
	profiles []*profile // most specific first
	warnings []Problem
	files    []File
	outline  bool // see Outline

	identities map[string]*IdentityFiles
}

// Loaded returns the identities of the policy that this process may have, by
// their names.
func (p *Policy) Loaded() map[string]*IdentityFiles {
	loaded := map[string]*IdentityFiles{}
	for name, files := range p.identities {
		if files.err == nil && files.loaded != nil {
			loaded[name] = files
		}
	}
	return loaded
}

// For returns what holds for a program before it has asked for anything. It is
// the same pointer for all programs of a profile.
func (p *Policy) For(program subject.Program) *Effective {
	if p.outline {
		return p.fallback
	}
	for _, profile := range p.profiles {
		if profile.match.matches(&program) {
			return profile.effective
		}
	}
	return p.fallback
}

// Named returns what holds for the programs of a profile, by its name. One that
// is not there is the default.
func (p *Policy) Named(profile string) *Effective {
	for _, o := range p.profiles {
		if o.name == profile {
			return o.effective
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

// Executables returns the paths that profiles name as executables, without
// patterns.
func (p *Policy) Executables() (paths []string) {
	for _, profile := range p.profiles {
		if exe := profile.match.exe; exe != nil && exe.expr == nil && !slices.Contains(paths, exe.text) {
			paths = append(paths, exe.text)
		}
	}
	return paths
}

// TellsScripts reports whether it matters to the policy which script a program
// interprets: to a profile, or to who shares sessions.
func (p *Policy) TellsScripts() bool {
	return p.sharesByScript() ||
		slices.ContainsFunc(p.profiles, func(o *profile) bool { return o.match.script != nil })
}

// TellsScript reports whether it matters that a program interprets a script.
func (p *Policy) TellsScript(path string) bool {
	return p.sharesByScript() || p.NamesScript(path)
}

// NamesScript reports whether any profile is for a script of a path.
func (p *Policy) NamesScript(path string) bool {
	return slices.ContainsFunc(p.profiles,
		func(o *profile) bool { return o.match.script != nil && o.match.script.matches(path) })
}

func (p *Policy) sharesByScript() bool {
	return slices.ContainsFunc(append(p.Profiles(), p.Default()),
		func(e *Effective) bool { return e.SharedBy == SharedByProgram })
}
