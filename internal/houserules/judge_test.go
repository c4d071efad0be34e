package houserules_test

import (
	"go/ast"
	"slices"
	"testing"
)

// TestOneJudgeOfPeers: whom a program may talk to says internal/policy alone,
// by JudgePeer and JudgePlainTCP; who looks into its lists judges a second time.
func TestOneJudgeOfPeers(t *testing.T) {
	lists := []string{"PeersAllowed", "PeersDenied", "ContainsHost"}
	seen := 0
	for _, f := range source(t) {
		if !f.shipped() {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			inner, nested := ast.Expr(nil), false
			if ok {
				inner = sel.X
			}
			if x, is := inner.(*ast.SelectorExpr); is {
				nested = x.Sel.Name == "PlainTCP" && sel.Sel.Name == "To"
			}
			if !ok || !slices.Contains(lists, sel.Sel.Name) && !nested {
				return true
			}
			if seen++; !within(f.dir, "internal/policy") {
				t.Errorf("%s uses %s: ask internal/policy's JudgePeer or JudgePlainTCP", f.at(n.Pos()), sel.Sel.Name)
			}
			return true
		})
	}
	if seen < 3 {
		t.Error("nobody judges peers: the test looks for the wrong names")
	}
}
