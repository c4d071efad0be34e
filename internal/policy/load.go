package policy

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"time"
)

// maxProblems bounds a report; a file with more has one cause.
const maxProblems = 100

// loader reads policy files into one Policy: all of them or none.
type loader struct {
	files    fs.FS                        // the root of the file system
	realPath func(string) (string, error) // filepath.EvalSymlinks, but in tests
	system   *systemStore
	now      func() time.Time
	logs     logLists
	outline  bool // see Outline
	texts    []File
	openKey  KeyOpener // nil without tokens
	problems []Problem
	warnings []Problem

	defaults   layer
	profiles   []*profile
	identities map[string]*IdentityFiles
	stores     map[string]*TicketStore
}

func newLoader() *loader {
	return &loader{
		files:      Machine(),
		realPath:   Machine().RealPath,
		system:     &systemStore{},
		now:        time.Now,
		defaults:   layer{},
		identities: map[string]*IdentityFiles{},
		stores:     map[string]*TicketStore{},
	}
}

// Options are what a process that loads a policy has to give. The zero value
// is right for one that opens no tokens.
type Options struct {
	// OpenKey opens keys on tokens. Without it they are not available, which
	// counts once a server needs one.
	OpenKey KeyOpener
	// Files are where everything is read from; nil means this machine.
	Files Source
}

func (o Options) loader() *loader {
	l := newLoader()
	l.openKey = o.OpenKey
	if o.Files != nil {
		l.files, l.realPath, l.system = o.Files, o.Files.RealPath, &systemStore{files: o.Files}
	}
	return l
}

// Load reads the policy of one file alone, without tokens.
func Load(path string) (*Policy, error) { return Options{}.Load(path) }

// LoadSystem reads the machine's policy, without tokens.
func LoadSystem(root string) (*Policy, error) { return Options{}.LoadSystem(root) }

// Load reads the policy of one file alone. What is absent in it has the
// built-in default. A policy that is not acceptable is an *Error.
func (o Options) Load(path string) (*Policy, error) {
	l := o.loader()
	if err := l.readFile(path); err != nil {
		return nil, err
	}
	return l.finish()
}

// Parse reads a policy from memory, without tokens. Name stands for the file in
// messages and is what relative paths in the policy are relative to.
func Parse(name string, data []byte) (*Policy, error) { return Options{}.Parse(name, data) }

// Parse reads a policy from memory, see the function Parse.
func (o Options) Parse(name string, data []byte) (*Policy, error) {
	l := o.loader()
	l.decode(name, data)
	return l.finish()
}

// LoadSystem reads the machine's policy: etc/ssa/policy.yaml below root, which
// is "/" but in tests, then etc/ssa/policy.d/*.yaml in order of name. Later
// files override earlier ones key by key, and add profiles and identities.
// Without any file it returns the built-in default.
func (o Options) LoadSystem(root string) (*Policy, error) {
	l := o.loader()
	names, ignored, err := systemFiles(l.files, root)
	if err != nil {
		return nil, err
	}
	for _, name := range ignored {
		l.warning(Position{File: name}, "this file is not read: only policy.yaml and policy.d/*.yaml are")
	}
	for i, name := range names {
		err := l.readSystemFile(name)
		if i == 0 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	return l.finish()
}

// report notes a problem, once.
func (l *loader) report(at Position, text string) {
	p := Problem{at, text}
	if !l.full() && !slices.Contains(l.problems, p) {
		l.problems = append(l.problems, p)
	}
}

// warning notes what is allowed but should be known, once.
func (l *loader) warning(at Position, text string) {
	p := Problem{at, text}
	if len(l.warnings) < maxProblems && !slices.Contains(l.warnings, p) {
		l.warnings = append(l.warnings, p)
	}
}

// full reports whether enough problems are known to give up.
func (l *loader) full() bool { return len(l.problems) >= maxProblems }

// finish computes the effective values, or returns every problem.
func (l *loader) finish() (*Policy, error) {
	policy := l.build()
	if len(l.problems) == 0 {
		return policy, nil
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column))
	})
	return nil, &Error{l.problems, l.warnings}
}
