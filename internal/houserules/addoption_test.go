package houserules_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var inTicks = regexp.MustCompile("`([^`]+)`")

// TestHowToAddAnOption: what docs/architecture.md names for a new option is
// there: files, and tests that fail when one of them is forgotten.
func TestHowToAddAnOption(t *testing.T) {
	page := string(read(t, "docs/architecture.md"))
	_, section, ok := strings.Cut(page, "## To add a socket option\n")
	if !ok {
		t.Fatal("docs/architecture.md does not say how to add a socket option")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	tests := map[string]bool{}
	for _, f := range source(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test {
				tests[fn.Name.Name] = true
			}
		}
	}
	files := 0
	for _, m := range inTicks.FindAllStringSubmatch(section, -1) {
		switch name := m[1]; {
		case strings.HasPrefix(name, "go test"):
		case strings.HasPrefix(name, "Test"):
			if !tests[name] {
				t.Errorf("there is no test %s", name)
			}
		case strings.Contains(name, "/"):
			files++
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Error(err)
			}
		}
	}
	if files < 9 {
		t.Errorf("the page names %d files", files)
	}
}
