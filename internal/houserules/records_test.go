package houserules_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// recordSizes are names that constants for records of TLS have had elsewhere.
var recordSizes = regexp.MustCompile(`(?i)^(header_?len|record_?header\w*|max_?(plaintext|ciphertext|record)\w*|alert_?type|content_?type\w*)$`)

// TestRecordsAreDescribedOnce: the numbers and names of alerts and the sizes of
// records stand in internal/engine/record.
func TestRecordsAreDescribedOnce(t *testing.T) {
	names := map[string]bool{}
	for n := range 256 {
		if name := record.Alert(n).Name(); name != "unknown" {
			names[name] = true
		}
	}
	if len(names) < 25 {
		t.Fatalf("record knows %d alerts", len(names))
	}
	for _, f := range source(t) {
		// which says why
		if !f.shipped() || within(f.dir, "internal/engine/record") ||
			f.name == "internal/engine/lobby/hello.go" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && names[text] {
					t.Errorf("%s names the alert %s: use record.Alert", f.at(n.Pos()), text)
				}
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if i < len(n.Values) && within(f.dir, "internal/engine") &&
						recordSizes.MatchString(name.Name) && isNumber(n.Values[i]) {
						t.Errorf("%s has %s of its own: use what internal/engine/record has", f.at(n.Pos()), name.Name)
					}
				}
			}
			return true
		})
	}
}
