//go:build linux

package contract

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

var update = flag.Bool("update", false, "write docs/contract.md")

const contractPath = "../../docs/contract.md"

const contractHead = `# The contract, line by line

Written by ` + "`go test ./test/contract -run TestPage -update`" + `, and checked by the same test without the flag: every option is
here, and every test that is named exists.

Each line of what a program is promised has the tests that show it. ` + "`contract`, `differential`" + ` and so on are the packages in
` + "`test/`" + `; what follows a test's name is one of its cases. The scenarios of ` + "`differential`" + ` print the same over TCP and TLS, see
[conformance.md](conformance.md).
`

// line is a promise and the tests that show it, each as "package TestName/case".
type line struct {
	promise string
	tests   []string
	not     string // what is not so yet, and why
}

// TestPage keeps docs/contract.md true.
func TestPage(t *testing.T) {
	sources := map[string]*source{}
	var out bytes.Buffer
	out.WriteString(contractHead)
	out.WriteString("\n## Options\n\n| option | no. | what | shown by |\n| --- | --- | --- | --- |\n")
	for _, o := range abi.Options {
		l, ok := optionLines[o.Option]
		if !ok {
			t.Errorf("no line for %s", o.Name)
		}
		fmt.Fprintf(&out, "| %s | %d | %s | %s |\n", o.Name, o.Option, o.Doc, shown(t, sources, o.Name, l))
	}
	if len(optionLines) != len(abi.Options) {
		t.Errorf("%d lines for %d options", len(optionLines), len(abi.Options))
	}
	for _, part := range []struct {
		title string
		lines []line
	}{{"Results", resultLines}, {"Everything else is TCP", tcpLines}, {"Other ways to a TLS socket", wayLines}} {
		fmt.Fprintf(&out, "\n## %s\n\n| promise | shown by |\n| --- | --- |\n", part.title)
		for _, l := range part.lines {
			fmt.Fprintf(&out, "| %s | %s |\n", l.promise, shown(t, sources, l.promise, l))
		}
	}
	if t.Failed() || ssatest.Ordinary() {
		return
	}
	if *update {
		if err := os.WriteFile(contractPath, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old, err := os.ReadFile(contractPath); err != nil || !bytes.Equal(old, out.Bytes()) {
		t.Errorf("docs/contract.md is out of date (%v); write it with: go test ./test/contract -run TestPage -update", err)
	}
}

// shown is the field of a line, after a check of every test that it names.
func shown(t *testing.T, sources map[string]*source, what string, l line) string {
	t.Helper()
	if len(l.tests) == 0 && l.not == "" {
		t.Errorf("%s: neither a test nor a reason", what)
	}
	var fields []string
	for _, test := range l.tests {
		pkg, name, _ := strings.Cut(test, " ")
		if sources[pkg] == nil {
			sources[pkg] = read(t, pkg)
		}
		parts := strings.SplitN(name, "/", 2)
		if !sources[pkg].functions[parts[0]] {
			t.Errorf("%s: there is no test %s in test/%s", what, parts[0], pkg)
		}
		if len(parts) > 1 && !sources[pkg].words[parts[1]] {
			t.Errorf("%s: nothing in test/%s is called %q", what, pkg, parts[1])
		}
		fields = append(fields, strings.ReplaceAll(test, "|", `\|`))
	}
	if l.not != "" {
		fields = append(fields, "**not yet**: "+l.not)
	}
	return strings.Join(fields, "; ")
}

// source is what the tests of a package are called.
type source struct {
	functions, words map[string]bool
}

func read(t *testing.T, pkg string) *source {
	t.Helper()
	s := &source{functions: map[string]bool{}, words: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join("..", pkg, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the tests of test/%s: %v", pkg, err)
	}
	for _, name := range files {
		if filepath.Base(name) == "page_test.go" || filepath.Base(name) == "lines_test.go" {
			continue // which would show themselves
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				s.functions[n.Name.Name] = true
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					s.words[text] = true
				}
			}
			return true
		})
	}
	return s
}
