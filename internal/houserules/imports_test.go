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
	not      []string // packages below from that the rule is not for
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
	{"abi", ours, nil, nil, "the contract's numbers depend on nothing"},
	{"abi", "syscall", nil, nil, "the contract's numbers are the same on every system"},
	{"internal/sys/regular", ours, nil, nil, "files are opened alike, whatever they are for"},
	{"internal/engine/turns", ours, nil, nil, "turns go round, whatever they are for"},
	{"internal/engine/lobby", ours, nil, nil, "who waits is counted, whatever for"},
	{"internal/engine/leftover", "crypto", nil, nil, "what is left to send is sealed already"},
	{"internal/engine/leftover", ours, inside("internal/sys"), nil, "what is left to send is bytes and sockets, whoever made them"},
	{"internal/gomaxprocs", ours, nil, nil, "how busy a process is says nothing of what it does"},
	{"internal/sys", ours, inside("abi"), nil, "the rim to the kernel knows no part of the system"},
	{"internal/service/monitor", "net", nil, nil, "the part with rights does not touch the network"},
	{"internal/service/monitor", "crypto", nil, nil, "the part with rights does no TLS"},
	{"internal/service/monitor", ours, inside("internal/harden", "internal/policy", "internal/program", "internal/service", "internal/sys"), nil, "the part with rights stays small"},
	{"internal/program", ours, inside("internal/policy", "internal/sys"), nil, "which program a process is depends on nobody who asks"},
	{"internal/program", "net", nil, nil, "which program a process is says the kernel alone"},
	{"internal/harden", ours, inside("internal/sys"), nil, "taking rights away depends on nothing that might want them"},
	{"internal/gate/seccomp", ours + "/internal/gate/bpf", nil, nil, "the gates are alternatives: what they share is in socket"},
	{"internal/gate/bpf", ours + "/internal/gate/seccomp", nil, nil, "the gates are alternatives: what they share is in socket"},
	{"internal/gate", "crypto", nil, nil, "a gate knows nothing of TLS"},
	{"internal/gate", ours + "/internal/engine", nil, nil, "a gate sees sockets only"},
	{"internal/gate", ours + "/internal/trust", nil, nil, "a gate does not judge"},
	{"internal/gate", ours + "/internal/identity", nil, nil, "keys are no business of a gate"},
	{"internal/socket", ours + "/internal/gate", nil, nil, "gates feed sockets, not the other way round"},
	{"internal/socket", ours + "/internal/trust", nil, nil, "whom to trust is the engine's to find out"},
	{"internal/policy", "net", []string{"net/netip"}, nil, "a policy is read without touching the network"},
	{"internal/policy/bundle", ours, nil, nil, "a bundle holds files, whatever they are for"},
	{"internal/policy", ours + "/internal/engine", nil, nil, "a policy does not know who carries it out"},
	{"internal/policy", ours + "/internal/socket", nil, nil, "a policy does not know who carries it out"},
	{"internal/policy", ours + "/internal/gate", nil, nil, "a policy does not know who carries it out"},
	{"internal/trust", "net", []string{"net/netip"}, []string{"internal/trust/revocation", "internal/trust/constraints"}, "trust decides; who asks others is internal/trust/revocation"},
	{"internal/trust", ours + "/internal/policy", nil, nil, "trust is told what to require, it reads no policy"},
	{"internal/trust/constraints", "net", []string{"net/netip", "net/url"}, nil, "name constraints are judged from what is in a chain"},
	{"internal/trust/constraints", ours, nil, nil, "name constraints are judged from what is in a chain"},
	{"internal/trust/transparency", "net", nil, nil, "transparency is decided from what came with a handshake"},
	{"internal/trust/transparency", ours, nil, nil, "transparency is decided from what came with a handshake"},
	{"internal/trust/revocation/signed", "net", nil, nil, "what authorities signed is judged without asking anyone"},
	{"internal/trust/revocation", ours, inside("internal/sys/regular", "internal/trust/revocation"), nil, "finding out about revocations decides nothing"},
	{"internal/trust", ours + "/internal/engine", nil, nil, "trust is asked, it asks nobody"},
	{"internal/trust", ours + "/internal/socket", nil, nil, "trust is asked, it asks nobody"},
	{"internal/trust", ours + "/internal/gate", nil, nil, "trust is asked, it asks nobody"},
	{"internal/policy", "os/exec", nil, nil, "a policy starts no process: who loads it opens its tokens"},
	{"internal/policy", ours + "/internal/identity/pkcs11", inside("internal/identity/pkcs11/uri"), nil, "a policy starts no process: who loads it opens its tokens"},
	{"internal/identity/pkcs11", ours, nil, nil, "keys on tokens are found by their names alone"},
	{"internal/identity", "net", []string{"net/netip"}, []string{"internal/identity/pkcs11/wire"}, "keys do not go near the network"},
	{"internal/identity", ours, inside("abi"), nil, "keys are handed to nobody"},
	{"internal/engine/record", ours, nil, nil, "protecting records depends on nothing"},
	{"internal/engine/record", "net", nil, nil, "protecting records reads and writes no stream"},
	{"internal/engine/relay", "crypto/x509", nil, nil, "the relay moves bytes: who the peer is has been decided"},
	{"internal/engine/relay", ours + "/internal/trust", nil, nil, "the relay moves bytes: who the peer is has been decided"},
	{"internal/engine/relay", ours + "/internal/policy", nil, nil, "the relay moves bytes: what is allowed has been decided"},
	{"internal/engine/relay", ours + "/internal/gate", nil, nil, "the relay does not know what a program is"},
	{"internal/engine/relay", ours + "/internal/socket", nil, nil, "the relay does not know what a program is"},
	{"internal/engine/session", ours + "/internal/gate", nil, nil, "sessions belong to the engine"},
	{"internal/engine/session", ours + "/internal/socket", nil, nil, "sessions belong to the engine"},
	{"internal/engine/session", "net", nil, nil, "no handshake waits for sessions or ticket keys: who gets them elsewhere is internal/engine/ticketstore"},
	{"internal/engine", ours + "/internal/engine/ticketstore", nil, nil, "the engine takes what is known of ticket keys, and asks nobody"},
	{"internal/engine/ticketstore", "crypto/tls", nil, nil, "a store is spoken to as programs speak to their peers: by the engine, under the policy"},
	{"internal/service/pages", ours, nil, nil, "pages are served, whatever is on them"},
	{"internal/dashboard", ours, inside("internal/service/pages"), nil, "the page shows what it is given"},
	{"internal/service/metrics", ours, inside("internal/service/pages", "internal/service/registry"), nil, "metrics are the registry's sums"},
	{"internal/service/audit", ours, inside("internal/service/registry"), nil, "the audit log writes what it is told"},
	{"internal/service/keylog", ours, inside("internal/service/registry"), nil, "secrets go to a file, past everybody else"},
	{"internal/service/registry", "os", nil, nil, "the registry counts and tells; it opens nothing"},
	{"internal/service/registry", ours, inside("internal/engine", "internal/policy"), nil, "the registry is told, it asks nobody"},
	{"internal/engine", ours + "/internal/service/registry", nil, nil, "the engine does not know who counts"},
	{"internal/engine", ours + "/internal/gate", nil, nil, "the engine takes descriptors, whoever is on the other side"},
	{"internal/engine", ours + "/internal/socket", nil, nil, "the engine takes descriptors, whoever is on the other side"},
	{"internal/service/wire", ours, inside("internal/sys"), nil, "the protocol is spoken by others too"},
	{"internal/service", ours + "/internal/gate", nil, nil, "the service does not care who asks"},
	{"internal/service", ours + "/internal/socket", nil, nil, "what a program sees is the gate's business"},
	{"internal/service", ours + "/internal/trust", nil, nil, "whom to trust is the engine's to find out"},
	{"internal/engine/remote", ours + "/internal/trust", nil, nil, "the service judges"},
	{"internal/engine/remote", ours + "/internal/engine/relay", nil, nil, "the service moves the bytes"},
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
				if !within(f.dir, r.from) || slices.ContainsFunc(r.not, func(d string) bool { return within(f.dir, d) }) || !within(imported, r.to) || within(imported, ours+"/"+r.from) {
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
