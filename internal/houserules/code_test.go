package houserules_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestPackageComments(t *testing.T) {
	comments := map[string][]string{}
	for _, f := range source(t) {
		if f.test && !strings.HasSuffix(f.ast.Name.Name, "_test") {
			continue // the comment belongs into the package proper
		}
		key := f.dir + " " + f.ast.Name.Name
		if f.test && comments[f.dir+" "+strings.TrimSuffix(f.ast.Name.Name, "_test")] != nil {
			continue // an external test of a package in the same folder
		}
		found := comments[key]
		if found == nil {
			found = []string{}
		}
		if f.ast.Doc != nil {
			text := f.ast.Doc.Text()
			want := "Package " + f.ast.Name.Name + " "
			if f.ast.Name.Name == "main" {
				want = "Command " + path.Base(f.dir) + " "
			}
			if !strings.HasPrefix(text, want) {
				t.Errorf("%s: the package comment does not begin with %q", f.name, want)
			}
			found = append(found, f.name)
		}
		comments[key] = found
	}
	for key, files := range comments {
		switch {
		case len(files) == 0 && strings.HasSuffix(key, "_test"):
			// Its package in the same folder has the comment; a folder with tests alone is checked below.
			dir, name, _ := strings.Cut(key, " ")
			if comments[dir+" "+strings.TrimSuffix(name, "_test")] == nil {
				t.Errorf("package %s has no package comment: say its one job", key)
			}
		case len(files) == 0:
			t.Errorf("package %s has no package comment: say its one job, and what it refuses to do", key)
		case len(files) > 1:
			t.Errorf("package %s has several package comments: %v", key, files)
		}
	}
}

// TestExitAndStderr keeps the decisions to end and to speak in one place: a
// library that exits takes every program under the gate with it.
func TestExitAndStderr(t *testing.T) {
	words := map[string][]string{
		"os":  {"Exit", "Stderr", "Stdout"},
		"log": {"Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Print", "Printf", "Println"},
		"fmt": {"Print", "Printf", "Println"},
	}
	for _, f := range source(t) {
		if !f.shipped() || within(f.dir, "cmd/ssa") || within(f.dir, "cmd/ssa-pkcs11") ||
			within(f.dir, "internal/coverage") {
			continue
		}
		local := map[string]string{}
		for imported, name := range f.imports() {
			local[name] = imported
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(words[local[pkg.Name]], sel.Sel.Name) {
				t.Errorf("%s: %s.%s is for commands alone", f.at(n.Pos()), pkg.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

// inits are the init functions that have a reason.
var inits = map[string]string{
	"internal/engine/local/transcript.go": "hashes are registered before anybody takes one",
	"cmd/ssa/coverage.go":                 "what a worker inherits is opened before it starts; not in builds that are shipped",
	"internal/coverage/quiet.go":          "what Go's runtime says comes before main; not in builds that are shipped",
	"cmd/ssa/main.go":                     "only init can keep the main thread for the main goroutine",
}

func TestShape(t *testing.T) {
	const longest = 300
	names := []string{"util", "utils", "common", "types", "helpers", "misc", "base"}
	for _, f := range source(t) {
		if slices.Contains(names, f.ast.Name.Name) {
			t.Errorf("%s: a package named %s has no subject", f.name, f.ast.Name.Name)
		}
		if !f.shipped() {
			continue
		}
		if f.lines > longest {
			t.Errorf("%s has %d lines, more than %d: it has more than one subject", f.name, f.lines, longest)
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" &&
				inits[f.name] == "" {
				t.Errorf("%s: init has effects that nobody asked for", f.at(fn.Pos()))
			}
		}
	}
}

// TestSkips: tests skip by internal/ssatest alone, which fails them in a strict
// run unless another run of the same tests has them.
func TestSkips(t *testing.T) {
	for _, f := range source(t) {
		if within(f.dir, "internal/ssatest") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"},
				sel.Sel.Name) {
				t.Errorf("%s calls %s: tests skip by ssatest.Need, Missing, NeedRoot, NeedUser or NeedEmbedded", f.at(n.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
}
