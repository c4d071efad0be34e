package houserules_test

import (
	"go/ast"
	"slices"
	"testing"
)

// crypto/x509 imports net for the sake of a few types, and a policy names suites
// of crypto/tls. So which packages a part stands on does not tell whether it
// goes to the network: what tells is what it uses of them.

// acting says of packages that can act which of their names do so. Those of net
// are the other way round, since nearly all of them do.
var acting = map[string]func(name string) bool{
	"net": func(name string) bool {
		passive := []string{"Addr", "Conn", "ErrClosed", "Error", "IP", "IPNet", "JoinHostPort",
			"Listener", "SplitHostPort"}
		return !slices.Contains(passive, name)
	},
	"net/http": func(string) bool { return true },
	"crypto/tls": oneOf("Client", "Server", "Dial", "DialWithDialer", "Dialer", "Listen",
		"NewListener", "QUICClient", "QUICServer"),
	"golang.org/x/sys/unix": oneOf("Socket", "Connect", "Bind", "Listen", "Accept", "Accept4"),
	"syscall":               oneOf("Socket", "Connect", "Bind", "Listen", "Accept", "Accept4"),
	module + "/internal/sys": oneOf("Socket", "SocketIn", "Accept", "AcceptWaiting", "BindHidden",
		"BindRaw", "BindUnix",
		"BindWatched", "ConnectRaw", "ConnectUnix", "OpenDiag"),
}

func oneOf(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

// quiet are parts that, with all of ours that they stand on, open no connection,
// take none, look up no name and make no handshake. internal/sys, which can do
// it for others, counts by what is used of it.
var quiet = []struct {
	from   string
	not    []string
	reason string
}{
	{"internal/harden", nil, "taking rights away asks nobody"},
	{"internal/program", nil, "which program a process is says the kernel alone"},
	{"internal/service/monitor", nil, "the part with rights does not touch the network"},
	{"internal/policy", nil, "a policy is read without touching the network"},
	{"internal/trust", []string{"internal/trust/revocation"}, "trust decides; who asks others is internal/trust/revocation"},
	{"internal/trust/revocation/signed", nil, "what authorities signed is judged without asking anyone"},
	{"internal/identity", []string{"internal/identity/pkcs11"}, "keys do not go near the network"},
	{"internal/engine/record", nil, "protecting records reads and writes no stream"},
	{"internal/engine/session", nil, "no handshake waits for sessions or ticket keys"},
	{"internal/service/registry", nil, "the registry is told, it asks nobody"},
	{"internal/service/audit", nil, "the audit log writes files"},
	{"internal/service/keylog", nil, "secrets go to a file"},
}

func TestQuietParts(t *testing.T) {
	g := packages(t)
	acts := actsByPackage(source(t))
	for _, part := range quiet {
		r := rule{from: part.from, not: part.not, reason: part.reason}
		for _, p := range r.of(t, g) {
			ways := g.reach(p, []string{"internal/sys"})
			ways[p] = short(p)
			for to, way := range ways {
				for _, act := range acts[to] {
					t.Errorf("%s: %s: %s", way, act, part.reason)
				}
			}
		}
	}
}

// actsByPackage finds what of ours acts, and where; internal/sys is left out.
func actsByPackage(files []*file) map[string][]string {
	found := map[string][]string{}
	for _, f := range files {
		if f.test || f.dir == "internal/sys" {
			continue
		}
		f.uses(func(imported string, sel *ast.SelectorExpr) {
			if does := acting[imported]; does != nil && does(sel.Sel.Name) {
				found[f.path()] = append(found[f.path()],
					f.at(sel.Pos())+" uses "+short(imported)+"."+sel.Sel.Name)
			}
		})
	}
	return found
}

// TestActsAreSeen: the network is used by who is there for it.
func TestActsAreSeen(t *testing.T) {
	acts := actsByPackage(source(t))
	for _, dir := range []string{"internal/trust/revocation", "internal/engine/local",
		"internal/socket", "internal/service/pages"} {
		if len(acts[module+"/"+dir]) == 0 {
			t.Errorf("nothing in %s is seen to use the network: the test looks past it", dir)
		}
	}
}

func TestSocketsNameSuites(t *testing.T) {
	for _, f := range source(t) {
		if f.test || !within(f.dir, "internal/socket") {
			continue
		}
		f.uses(func(imported string, sel *ast.SelectorExpr) {
			if imported == "crypto/tls" && sel.Sel.Name != "CipherSuiteName" {
				t.Errorf("%s uses tls.%s: a socket names suites, the engine uses them", f.at(sel.Pos()), sel.Sel.Name)
			}
		})
	}
}

// uses calls see for each name of an imported package that a file uses. A
// variable with the name of an import hides it.
func (f *file) uses(see func(imported string, sel *ast.SelectorExpr)) {
	paths := map[string]string{}
	for p, name := range f.imports() {
		paths[name] = p
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Obj == nil && paths[pkg.Name] != "" {
			see(paths[pkg.Name], sel)
		}
		return true
	})
}
