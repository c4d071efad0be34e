package policy

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxProblems bounds a report; a file with more has one cause.
const maxProblems = 100

// loader reads policy files into one Policy: all of them or none.
type loader struct {
	files    fs.FS                        // the root of the file system
	realPath func(string) (string, error) // filepath.EvalSymlinks, but in tests
	honours  func(key string) bool        // whether the product obeys a key
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
}

func newLoader(honours func(string) bool) *loader {
	return &loader{
		files:      os.DirFS("/"),
		realPath:   filepath.EvalSymlinks,
		honours:    honours,
		system:     &systemStore{},
		now:        time.Now,
		defaults:   layer{},
		identities: map[string]*IdentityFiles{},
	}
}

// Options are what a process that loads a policy has to give. The zero value
// is right for one that opens no tokens.
type Options struct {
	// OpenKey opens keys on tokens. Without it they are not available, which
	// counts once a server needs one.
	OpenKey KeyOpener
}

func (o Options) loader() *loader {
	l := newLoader(isHonoured)
	l.openKey = o.OpenKey
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
	names, err := SystemFiles(root)
	if err != nil {
		return nil, err
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

// SystemFiles lists the files of the machine's policy in the order in which
// LoadSystem reads them. The first one need not exist.
func SystemFiles(root string) ([]string, error) {
	base := filepath.Join(root, "etc", "ssa")
	names := []string{filepath.Join(base, "policy.yaml")}
	entries, err := os.ReadDir(filepath.Join(base, "policy.d"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the policy folder: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".yaml") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(base, "policy.d", e.Name()))
		}
	}
	return names, nil
}

// readSystemFile reads a file that must be under the administrator's control.
func (l *loader) readSystemFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("read the policy: %s may be written by everyone; chmod o-w it", path)
	}
	return l.readFile(path)
}

func (l *loader) readFile(path string) error {
	data, err := readRegular(os.DirFS(filepath.Dir(path)), filepath.Base(path), maxFileSize+1)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		return fmt.Errorf("read the policy %s: %w", path, err)
	}
	l.decode(path, data)
	return nil
}

// report notes a problem, once.
func (l *loader) report(at Position, text string) {
	p := Problem{at, text}
	if !l.full() && !slices.Contains(l.problems, p) {
		l.problems = append(l.problems, p)
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
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return nil, &Error{l.problems}
}

// readRegular reads a regular file of at most limit bytes; more is cut off.
func readRegular(files fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
