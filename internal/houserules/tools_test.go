package houserules_test

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// everywhere are programs that every Debian has, or Go.
var everywhere = []string{"bash", "cat", "dpkg", "dpkg-deb", "go", "head", "rm", "sh", "sleep"}

// elsewhere are programs that are not in PATH, by what is, in the same package.
var elsewhere = map[string]string{"initdb": "pg_ctlcluster", "postgres": "pg_ctlcluster"}

// TestToolsAreInstalled: what tests start is what scripts/setup installs. A fresh
// machine must not be the first to find out.
func TestToolsAreInstalled(t *testing.T) {
	lists, err := filepath.Glob(filepath.Join(root, "scripts", "packages*.txt"))
	if err != nil || len(lists) == 0 {
		t.Fatalf("no lists of packages: %v", err)
	}
	known := slices.Clone(everywhere)
	for _, list := range lists {
		for line := range strings.Lines(string(read(t, filepath.Join("scripts", filepath.Base(list))))) {
			if fields := strings.Fields(line); len(fields) == 2 {
				known = append(known, fields[0])
			}
		}
	}
	for _, f := range source(t) {
		if !f.test && f.shipped() {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			for _, tool := range toolsOf(n) {
				if other := elsewhere[tool]; other != "" {
					tool = other
				}
				if !strings.Contains(tool, "/") && !slices.Contains(known, tool) {
					t.Errorf("%s needs %s: add it and its package to scripts/packages.txt", f.at(n.Pos()), tool)
				}
			}
			return true
		})
	}
}

// toolsOf returns the programs that a call of ssatest.Need, of ssatest.Has or of
// exec.Command names by literals.
func toolsOf(n ast.Node) (tools []string) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return nil
	}
	args := call.Args
	switch pkg.Name + "." + sel.Sel.Name {
	case "ssatest.Need", "ssatest.Has":
	case "exec.Command":
		args = args[:min(1, len(args))]
	default:
		return nil
	}
	for _, arg := range args {
		lit, ok := arg.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			continue
		}
		if tool, err := strconv.Unquote(lit.Value); err == nil {
			tools = append(tools, tool)
		}
	}
	return tools
}
