package houserules_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"testing"
)

// defaultsFile has all defaults of TLS, each with its reason.
const defaultsFile = "internal/policy/defaults.go"

// tables name what crypto/tls has: they prefer nothing.
var tables = []string{"internal/policy/suite.go", "internal/policy/protocol.go"}

// ownNumbers are constants that look like defaults, and are not of ours.
var ownNumbers = map[string]string{
	"minRSABits": "of transparency logs, RFC 6962, 2.1.4",
}

var (
	listed  = regexp.MustCompile(`^(TLS_\w+|X25519\w*|Curve\w+|SecP\w+|PSSWith\w+|PKCS1With\w+|ECDSAWith\w+|Ed25519)$`)
	numbers = regexp.MustCompile(`(?i)(rsa_?bits|ecdsa_?bits|builtin_?(rsa|ecdsa)|^(min|max|default|builtin)_?(tls)?version|default_?lifetime|^lifetime|session_?lifetime)`)
)

// TestDefaultsStandInOnePlace: a list of suites, groups or signatures, and the
// number of a default, is not said a second time, where it would stay behind.
func TestDefaultsStandInOnePlace(t *testing.T) {
	there := 0
	for _, f := range source(t) {
		if !f.shipped() {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			what := ""
			switch n := n.(type) {
			case *ast.CompositeLit:
				if lists(n) && !slices.Contains(tables, f.name) {
					what = "a list of what TLS may use"
				}
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if i < len(n.Values) && numbers.MatchString(name.Name) && ownNumbers[name.Name] == "" &&
						isNumber(n.Values[i]) {
						what = name.Name
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && numbers.MatchString(key.Name) && isNumber(n.Value) {
					what = key.Name
				}
			}
			switch {
			case what == "":
			case f.name == defaultsFile:
				there++
			default:
				t.Errorf("%s has %s: defaults of TLS stand in %s alone", f.at(n.Pos()), what, defaultsFile)
			}
			return true
		})
	}
	if there < 6 {
		t.Errorf("%s has %d defaults: the test looks for the wrong thing", defaultsFile, there)
	}
}

// lists reports whether a literal names several suites, groups or signatures of
// crypto/tls.
func lists(lit *ast.CompositeLit) bool {
	if _, list := lit.Type.(*ast.ArrayType); !list {
		return false
	}
	found := 0
	for _, item := range lit.Elts {
		if sel, ok := item.(*ast.SelectorExpr); ok && listed.MatchString(sel.Sel.Name) {
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "tls" {
				found++
			}
		}
	}
	return found > 1
}

// isNumber reports whether an expression is a number, a version of crypto/tls,
// or computed from numbers alone.
func isNumber(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.INT
	case *ast.SelectorExpr:
		pkg, ok := e.X.(*ast.Ident)
		return ok && (pkg.Name == "tls" || pkg.Name == "time")
	case *ast.BinaryExpr:
		return isNumber(e.X) && isNumber(e.Y)
	}
	return false
}
