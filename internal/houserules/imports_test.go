package houserules_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// rule forbids packages below from to import anything below to.
type rule struct {
	from, to string
	except   []string // below to, but allowed
	reason   string
}

// ours is the module as the target of a rule.
const ours = module

func inside(dirs ...string) []string {
	for i, dir := range dirs {
		dirs[i] = ours + "/" + dir
	}
	return dirs
}

var forbidden = []rule{
	{"abi", ours, nil, "the contract's numbers depend on nothing"},
	{"abi", "syscall", nil, "the contract's numbers are the same on every system"},
	{"internal/regular", ours, nil, "files are opened alike, whatever they are for"},
	{"internal/turns", ours, nil, "turns go round, whatever they are for"},
	{"internal/lobby", ours, nil, "who waits is counted, whatever for"},
	{"internal/leftover", "crypto", nil, "what is left to send is sealed already"},
	{"internal/leftover", ours, inside("internal/sys"), "what is left to send is bytes and sockets, whoever made them"},
	{"internal/processors", ours, nil, "how busy a process is says nothing of what it does"},
	{"internal/sys", ours, inside("abi"), "the rim to the kernel knows no part of the system"},
	{"internal/monitor", "net", nil, "the part with rights does not touch the network"},
	{"internal/monitor", "crypto", nil, "the part with rights does no TLS"},
	{"internal/monitor", ours, inside("internal/harden", "internal/policy", "internal/program", "internal/service", "internal/sys"), "the part with rights stays small"},
	{"internal/program", ours, inside("internal/policy", "internal/sys"), "which program a process is depends on nobody who asks"},
	{"internal/program", "net", nil, "which program a process is says the kernel alone"},
	{"internal/harden", ours, inside("internal/sys"), "taking rights away depends on nothing that might want them"},
	{"internal/gate/seccomp", ours + "/internal/gate/bpf", nil, "the gates are alternatives: what they share is in socket"},
	{"internal/gate/bpf", ours + "/internal/gate/seccomp", nil, "the gates are alternatives: what they share is in socket"},
	{"internal/gate", "crypto", nil, "a gate knows nothing of TLS"},
	{"internal/gate", ours + "/internal/engine", nil, "a gate sees sockets only"},
	{"internal/gate", ours + "/internal/trust", nil, "a gate does not judge"},
	{"internal/gate", ours + "/internal/identity", nil, "keys are no business of a gate"},
	{"internal/socket", ours + "/internal/gate", nil, "gates feed sockets, not the other way round"},
	{"internal/socket", ours + "/internal/trust", nil, "whom to trust is the engine's to find out"},
	{"internal/policy", "net", []string{"net/netip"}, "a policy is read without touching the network"},
	{"internal/policy/bundle", ours, nil, "a bundle holds files, whatever they are for"},
	{"internal/policy", ours + "/internal/engine", nil, "a policy does not know who carries it out"},
	{"internal/policy", ours + "/internal/socket", nil, "a policy does not know who carries it out"},
	{"internal/policy", ours + "/internal/gate", nil, "a policy does not know who carries it out"},
	{"internal/trust", "net", []string{"net/netip"}, "trust decides; who asks others is internal/revocation"},
	{"internal/trust", ours + "/internal/policy", nil, "trust is told what to require, it reads no policy"},
	{"internal/constraints", "net", []string{"net/netip", "net/url"}, "name constraints are judged from what is in a chain"},
	{"internal/constraints", ours, nil, "name constraints are judged from what is in a chain"},
	{"internal/transparency", "net", nil, "transparency is decided from what came with a handshake"},
	{"internal/transparency", ours, nil, "transparency is decided from what came with a handshake"},
	{"internal/revocation/signed", "net", nil, "what authorities signed is judged without asking anyone"},
	{"internal/revocation", ours, inside("internal/regular", "internal/revocation"), "finding out about revocations decides nothing"},
	{"internal/trust", ours + "/internal/engine", nil, "trust is asked, it asks nobody"},
	{"internal/trust", ours + "/internal/socket", nil, "trust is asked, it asks nobody"},
	{"internal/trust", ours + "/internal/gate", nil, "trust is asked, it asks nobody"},
	{"internal/policy", "os/exec", nil, "a policy starts no process: who loads it opens its tokens"},
	{"internal/policy", ours + "/internal/pkcs11", inside("internal/pkcs11/uri"), "a policy starts no process: who loads it opens its tokens"},
	{"internal/pkcs11", ours, nil, "keys on tokens are found by their names alone"},
	{"internal/identity", "net", []string{"net/netip"}, "keys do not go near the network"},
	{"internal/identity", ours, inside("abi"), "keys are handed to nobody"},
	{"internal/record", ours, nil, "protecting records depends on nothing"},
	{"internal/record", "net", nil, "protecting records reads and writes no stream"},
	{"internal/relay", "crypto/x509", nil, "the relay moves bytes: who the peer is has been decided"},
	{"internal/relay", ours + "/internal/trust", nil, "the relay moves bytes: who the peer is has been decided"},
	{"internal/relay", ours + "/internal/policy", nil, "the relay moves bytes: what is allowed has been decided"},
	{"internal/relay", ours + "/internal/gate", nil, "the relay does not know what a program is"},
	{"internal/relay", ours + "/internal/socket", nil, "the relay does not know what a program is"},
	{"internal/session", ours + "/internal/gate", nil, "sessions belong to the engine"},
	{"internal/session", ours + "/internal/socket", nil, "sessions belong to the engine"},
	{"internal/session", "net", nil, "no handshake waits for sessions or ticket keys: who gets them elsewhere is internal/ticketstore"},
	{"internal/engine", ours + "/internal/ticketstore", nil, "the engine takes what is known of ticket keys, and asks nobody"},
	{"internal/ticketstore", "crypto/tls", nil, "a store is spoken to as programs speak to their peers: by the engine, under the policy"},
	{"internal/pages", ours, nil, "pages are served, whatever is on them"},
	{"internal/dashboard", ours, inside("internal/pages"), "the page shows what it is given"},
	{"internal/metrics", ours, inside("internal/pages", "internal/registry"), "metrics are the registry's sums"},
	{"internal/audit", ours, inside("internal/registry"), "the audit log writes what it is told"},
	{"internal/keylog", ours, inside("internal/registry"), "secrets go to a file, past everybody else"},
	{"internal/registry", "os", nil, "the registry counts and tells; it opens nothing"},
	{"internal/registry", ours, inside("internal/engine", "internal/policy"), "the registry is told, it asks nobody"},
	{"internal/engine", ours + "/internal/registry", nil, "the engine does not know who counts"},
	{"internal/engine", ours + "/internal/gate", nil, "the engine takes descriptors, whoever is on the other side"},
	{"internal/engine", ours + "/internal/socket", nil, "the engine takes descriptors, whoever is on the other side"},
	{"internal/service/wire", ours, inside("internal/sys"), "the protocol is spoken by others too"},
	{"internal/service", ours + "/internal/gate", nil, "the service does not care who asks"},
	{"internal/service", ours + "/internal/socket", nil, "what a program sees is the gate's business"},
	{"internal/service", ours + "/internal/trust", nil, "whom to trust is the engine's to find out"},
	{"internal/engine/remote", ours + "/internal/trust", nil, "the service judges"},
	{"internal/engine/remote", ours + "/internal/relay", nil, "the service moves the bytes"},
}

// narrow lets packages below from use only some names of an import.
var narrow = []struct {
	from, to string
	names    []string
	reason   string
}{
	{"internal/gate", ours + "/internal/policy", []string{"Program"}, "a gate describes programs, it does not judge them"},
	{"internal/socket", "crypto/tls", []string{"CipherSuiteName"}, "a socket names suites, the engine uses them"},
}

func TestNarrowImports(t *testing.T) {
	for _, f := range source(t) {
		for _, r := range narrow {
			name, ok := f.imports()[r.to]
			if f.test || !ok || !within(f.dir, r.from) {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == name && !slices.Contains(r.names, sel.Sel.Name) {
					t.Errorf("%s uses %s.%s: %s", f.at(n.Pos()), name, sel.Sel.Name, r.reason)
				}
				return true
			})
		}
	}
}

func TestImportDirections(t *testing.T) {
	for _, f := range source(t) {
		if f.test {
			continue
		}
		for imported := range f.imports() {
			for _, r := range forbidden {
				if !within(f.dir, r.from) || !within(imported, r.to) || within(imported, ours+"/"+r.from) {
					continue
				}
				if slices.ContainsFunc(r.except, func(e string) bool { return within(imported, e) }) {
					continue
				}
				t.Errorf("%s imports %s: %s", f.name, imported, r.reason)
			}
		}
	}
}

func TestImportsOfShippedCode(t *testing.T) {
	for _, f := range source(t) {
		for imported := range f.imports() {
			switch {
			case imported == "C" && !within(f.dir, "cmd/ssa-pkcs11"):
				t.Errorf("%s uses cgo: ssa is one static binary without a C library; what needs one is a process of its own", f.name)
			case imported == "unsafe" && !within(f.dir, "internal/sys") && !strings.HasSuffix(f.name, "_unsafe.go") && f.shipped():
				t.Errorf("%s imports unsafe: such code lives in internal/sys, or in a file named *_unsafe.go", f.name)
			case !f.shipped():
			case imported == "testing" || within(imported, ours+"/internal/ssatest"):
				t.Errorf("%s imports %s: code for tests is not shipped", f.name, imported)
			case within(imported, ours+"/cmd"):
				t.Errorf("%s imports %s: a command is not a library", f.name, imported)
			}
		}
	}
}
