package houserules_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestSocketHasNoTricks: package socket has the rules of a TLS socket. What a gate
// does to a program's descriptor is behind its endpoint, so that another gate can
// do it in another way.
func TestSocketHasNoTricks(t *testing.T) {
	ofSys := []string{"FD", "Own", "Socket", "Stream", "NewStream", "BindRaw", "ConnectRaw",
		"Getsockname", "Getpeername", "GetsockoptRaw", "SetsockoptRaw", "Writable", "Mute",
		"MaxDescriptors"} // of a TCP socket
	tricks := []string{"AF_UNIX", "Socketpair", "SockaddrUnix", "Sendto", "SendmsgN",
		"Recvfrom", "Poll", "Fstat", "Getpeername", "SO_RCVTIMEO", "SO_SNDTIMEO"}
	for _, f := range source(t) {
		if f.test || !within(f.dir, "internal/socket") {
			continue
		}
		name, sys := f.imports()["golang.org/x/sys/unix"], f.imports()[module+"/internal/sys"]
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				pkg, ok := n.X.(*ast.Ident)
				if !ok || pkg.Obj != nil {
					return true // of no package
				}
				trick := pkg.Name == name && slices.Contains(tricks, n.Sel.Name) ||
					pkg.Name == sys && !slices.Contains(ofSys, n.Sel.Name)
				if trick {
					t.Errorf("%s uses %s.%s: ask the program's side by way of package endpoint", f.at(n.Pos()), pkg.Name, n.Sel.Name)
				}
			case *ast.BasicLit:
				if n.Kind == token.STRING && strings.Contains(n.Value, "/proc") {
					t.Errorf("%s looks into /proc: ask the program's side by way of package endpoint", f.at(n.Pos()))
				}
			}
			return true
		})
	}
}

// TestStateIsChangedInOnePlace: become knows which changes of a socket's state
// exist. Whoever assigns it besides draws nothing.
func TestStateIsChangedInOnePlace(t *testing.T) {
	for _, f := range source(t) {
		if f.test || f.dir != "internal/socket" || f.name == "internal/socket/state.go" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			assigned := []ast.Expr{}
			switch n := n.(type) {
			case *ast.AssignStmt:
				assigned = n.Lhs
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "now" || key.Name == "atomicState") {
					t.Errorf("%s: a socket is born by Table.born", f.at(n.Pos()))
				}
			}
			for _, e := range assigned {
				if sel, ok := e.(*ast.SelectorExpr); ok && sel.Sel.Name == "now" {
					t.Errorf("%s assigns a state: that is for Socket.become alone", f.at(e.Pos()))
				}
			}
			return true
		})
	}
}
