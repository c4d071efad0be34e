// Package houserules_test holds the rules of this code base that a program can
// check. Each rule has its reason beside it. It holds no other code.
package houserules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	module = "github.com/secure-socket-api/ssa"
	root   = "../.."
)

// file is one Go source file of the module.
type file struct {
	name  string // relative to the module's root
	dir   string // the package's folder, "." for the root
	test  bool
	lines int
	ast   *ast.File
	fset  *token.FileSet
}

// imports returns the file's imports by path, with their local names.
func (f *file) imports() map[string]string {
	found := map[string]string{}
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		found[p] = name
	}
	return found
}

func (f *file) at(pos token.Pos) string {
	return f.name + ":" + strconv.Itoa(f.fset.Position(pos).Line)
}

// path is the import path of the file's package.
func (f *file) path() string { return path.Join(module, f.dir) }

// shipped reports whether the file ends up in the ssa command.
func (f *file) shipped() bool {
	return !f.test && !within(f.dir, "bench") && !within(f.dir, "examples") &&
		!within(f.dir, "test") && !within(f.dir, "internal/ssatest")
}

// within reports whether a package's folder or path is parent or lies below it.
func within(name, parent string) bool {
	return name == parent || strings.HasPrefix(name, parent+"/")
}

// withinAny reports whether a package lies below any of some parents.
func withinAny(name string, parents []string) bool {
	return slices.ContainsFunc(parents, func(p string) bool { return within(name, p) })
}

// walk calls visit for every file of the repository, by its relative name.
func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() && (rel == ".git" || rel == "bin") {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			visit(rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var parsed struct {
	once  sync.Once
	files []*file
}

// source returns every Go file of the module, parsed once.
func source(t *testing.T) []*file {
	t.Helper()
	parsed.once.Do(func() {
		walk(t, func(name string) {
			if !strings.HasSuffix(name, ".go") || strings.Contains(name, "testdata/") {
				return
			}
			text, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			fset := token.NewFileSet()
			tree, err := parser.ParseFile(fset, name, text, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed.files = append(parsed.files, &file{
				name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
				lines: strings.Count(string(text), "\n"), ast: tree, fset: fset,
			})
		})
	})
	if len(parsed.files) == 0 {
		t.Fatal("no Go file found: the test looks in the wrong place")
	}
	return parsed.files
}
