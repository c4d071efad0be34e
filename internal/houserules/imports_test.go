package houserules_test

import (
	"slices"
	"strings"
	"testing"
)

// rule says what packages below a folder may not have. What lies below the
// folder itself is never meant. A name that ends in /* is what lies below it,
// without the package itself.
type rule struct {
	from   string
	not    []string // folders below from that it does not hold for
	only   []string // of ours, nothing but these (nil: any)
	never  []string // none of these
	except []string // below never, but allowed
	past   []string // whose own imports do not count
	reason string
}

// nothing is an only that allows none of ours.
var nothing = []string{}

// standsOn has rules of all that packages stand on, directly or by what they
// import, from the inside out. The order of the packages in docs/architecture.md
// holds besides (TestOrderOfPackages): what follows from it is not said again.
var standsOn = []rule{
	{from: "abi", only: nothing, never: []string{"syscall"},
		reason: "the contract's numbers depend on nothing, and are the same on every system"},
	{from: "internal/sys", only: nothing,
		reason: "the rim to the kernel knows no part of the system"},
	{from: "internal/gomaxprocs", only: nothing,
		reason: "how busy a process is says nothing of what it does"},
	{from: "internal/harden", only: []string{"internal/sys"},
		reason: "taking rights away depends on nothing that might want them"},
	{from: "internal/program", only: []string{"internal/policy/subject", "internal/sys"},
		never: []string{"crypto", "net"}, except: []string{"net/netip"}, past: []string{"internal/sys"},
		reason: "which program a process is says the kernel alone, whoever asks"},

	{from: "internal/trust", only: []string{"internal/sys/regular"},
		reason: "trust is told what to require; it reads no policy and asks nobody of ours"},
	{from: "internal/trust/constraints", only: nothing,
		reason: "name constraints are judged from what is in a chain"},
	{from: "internal/trust/transparency", only: nothing,
		reason: "transparency is decided from what came with a handshake"},
	{from: "internal/trust/revocation/signed", only: nothing,
		reason: "what authorities signed is judged whoever fetched it"},
	{from: "internal/trust", not: []string{"internal/trust/revocation"}, never: []string{"internal/trust/revocation"},
		except: []string{"internal/trust/revocation/signed"},
		reason: "trust decides; who asks others is internal/trust/revocation"},
	{from: "internal/identity", only: nothing,
		reason: "keys are handed to nobody; those on tokens are found by their names alone"},
	{from: "internal/policy/bundle", only: nothing,
		reason: "a bundle holds files, whatever they are for"},
	{from: "internal/policy/subject", only: nothing,
		reason: "what a program is may be known without a policy"},
	{from: "internal/policy", never: []string{"internal/sys", "internal/program"}, except: []string{"internal/sys/regular"},
		reason: "a policy is asked about programs, it does not look at them"},
	{from: "internal/policy", never: []string{"os/exec", "internal/identity/pkcs11"},
		except: []string{"internal/identity/pkcs11/uri"},
		reason: "a policy starts no process: who loads it opens its tokens"},

	{from: "internal/engine/turns", only: nothing,
		reason: "turns go round, whatever they are for"},
	{from: "internal/engine/lobby", only: nothing,
		reason: "who waits is counted, whatever for"},
	{from: "internal/engine/record", only: nothing,
		reason: "protecting records depends on nothing"},
	{from: "internal/engine/session", only: nothing,
		reason: "no handshake waits for sessions or ticket keys: who gets them elsewhere is internal/engine/ticketstore"},
	{from: "internal/engine/relay", only: []string{"internal/engine/record", "internal/sys"},
		reason: "the relay moves bytes: who the peer is and what is allowed has been decided"},
	{from: "internal/engine/leftover", only: []string{"internal/sys"}, never: []string{"crypto"},
		reason: "what is left to send is sealed already: bytes and sockets, whoever made them"},
	{from: "internal/engine/local", never: []string{"internal/engine/ticketstore"},
		reason: "the engine takes what is known of ticket keys, and asks nobody"},
	{from: "internal/service/wire", only: []string{"internal/sys"},
		reason: "the protocol is spoken by others too"},
	{from: "internal/engine/remote", never: []string{"internal/engine/*", "internal/trust"},
		except: []string{"internal/trust/constraints", "internal/trust/transparency"},
		reason: "the service judges and moves the bytes (a policy has the types of two of its rules from trust)"},

	{from: "internal/socket/endpoint", only: []string{"abi", "internal/sys"},
		reason: "what a socket asks of a program's side of it depends on neither"},
	{from: "internal/gate/seccomp/unixend", only: []string{"abi", "internal/socket/endpoint", "internal/sys"},
		reason: "what is done to descriptors knows no rule of a TLS socket"},
	{from: "internal/socket", never: []string{"internal/engine/*", "internal/trust", "internal/service"},
		except: []string{"internal/engine/lobby", "internal/engine/turns", "internal/trust/constraints",
			"internal/trust/transparency"},
		reason: "a socket works with any engine, and judges nobody"},
	{from: "internal/gate", never: []string{"internal/engine/*", "internal/trust", "internal/service"},
		except: []string{"internal/engine/lobby", "internal/engine/turns", "internal/trust/constraints",
			"internal/trust/transparency"},
		reason: "a gate works with any engine, and judges nobody"},

	{from: "internal/service/pages", only: nothing,
		reason: "pages are served, whatever is on them"},
	{from: "internal/dashboard", only: []string{"internal/service/pages"},
		reason: "the page shows what it is given"},
	{from: "internal/service/monitor", never: []string{"crypto", "net"}, except: []string{"net/netip"}, past: []string{"internal/sys"},
		reason: "the part with rights knows no peer, no certificate and no key"},
	{from: "internal/service/monitor",
		only: []string{"internal/harden", "internal/policy/bundle", "internal/policy/subject",
			"internal/program", "internal/sys"},
		reason: "the part with rights stays small"},
	{from: "internal/service/registry", never: []string{"internal/engine/*", "internal/trust", "internal/service", "internal/sys"},
		except: []string{"internal/trust/constraints", "internal/trust/transparency",
			"internal/sys/regular"},
		reason: "the registry is told, it asks nobody"},
	{from: "internal/service", never: []string{"internal/gate", "internal/socket"},
		reason: "the service does not care who asks: what a program sees is the gate's business"},
}

// names has rules of what a package's own code imports, where what it stands on
// needs more.
var names = []rule{
	{from: "internal/gate", never: []string{"crypto", "internal/engine", "internal/identity", "internal/policy", "internal/trust"},
		except: []string{"crypto/rand", "internal/policy/subject"},
		reason: "a gate makes system calls into operations on sockets, and knows nothing of TLS"},
	{from: "internal/engine/relay", never: []string{"crypto/x509"},
		reason: "the relay moves bytes: who the peer is has been decided"},
	{from: "internal/engine/ticketstore", never: []string{"crypto/tls"},
		reason: "a store is spoken to as programs speak to their peers: by the engine, under the policy"},
	{from: "internal/service", never: []string{"internal/trust"},
		reason: "whom to trust is the engine's to find out"},
	{from: "internal/service/registry", never: []string{"os"},
		reason: "the registry counts and tells; it opens nothing"},
	{from: "internal/service/metrics", only: []string{"internal/service/pages", "internal/service/registry"},
		reason: "metrics are the registry's sums"},
	{from: "internal/service/audit", only: []string{"internal/service/registry"},
		reason: "the audit log writes what it is told"},
	{from: "internal/service/keylog", only: []string{"internal/service/registry"},
		reason: "secrets go to a file, past everybody else"},
}

// forbids says why a package of ours may not have another, "" if it may.
func (r *rule) forbids(from, to string) string {
	own := strings.HasPrefix(to, module+"/")
	to = short(to)
	switch {
	case within(to, r.from) ||
		slices.ContainsFunc(r.except, func(e string) bool { return within(to, e) }):
		return ""
	case own && r.only != nil && !slices.Contains(r.only, to):
		return r.reason
	case slices.ContainsFunc(r.never, func(n string) bool { return matches(to, n) }):
		return r.reason
	}
	return ""
}

// matches reports whether a package lies below a folder, or below one that is
// written with /* and is not it.
func matches(name, pattern string) bool {
	parent, below := strings.CutSuffix(pattern, "/*")
	return within(name, parent) && (!below || name != parent)
}

// of returns the packages that a rule is for.
func (r *rule) of(t *testing.T, g graph) []string {
	t.Helper()
	found := slices.DeleteFunc(g.below(r.from),
		func(p string) bool { return withinAny(short(p), r.not) })
	if len(found) == 0 {
		t.Errorf("a rule is for %s, which is not there: %s", r.from, r.reason)
	}
	return found
}

func TestWhatPackagesStandOn(t *testing.T) {
	g := packages(t)
	for _, r := range standsOn {
		for _, p := range r.of(t, g) {
			for to, way := range g.reach(p, r.past) {
				if why := r.forbids(p, to); why != "" {
					t.Errorf("%s: %s", way, why)
				}
			}
		}
	}
}

func TestWhatPackagesName(t *testing.T) {
	g := packages(t)
	for _, r := range names {
		for _, p := range r.of(t, g) {
			for to := range g[p] {
				if why := r.forbids(p, to); why != "" {
					t.Errorf("%s imports %s: %s", short(p), short(to), why)
				}
			}
		}
	}
}

// TestRulesAreOfUse makes sure that no folder that a rule names has moved away.
func TestRulesAreOfUse(t *testing.T) {
	g := packages(t)
	for _, r := range slices.Concat(standsOn, names) {
		for _, name := range slices.Concat(r.not, r.only, r.never, r.except, r.past) {
			dir := strings.TrimSuffix(name, "/*")
			if strings.HasPrefix(dir, "internal/") && len(g.below(dir)) == 0 {
				t.Errorf("the rule for %s names %s, which is not there", r.from, name)
			}
		}
	}
}

// TestGatesAreAlternatives: what gates share is in socket.
func TestGatesAreAlternatives(t *testing.T) {
	gate := func(p string) string {
		rest, ok := strings.CutPrefix(short(p), "internal/gate/")
		name, _, _ := strings.Cut(rest, "/")
		return map[bool]string{true: name}[ok]
	}
	g := packages(t)
	for _, p := range g.below("internal/gate") {
		for to, way := range g.reach(p, nil) {
			if one, other := gate(p), gate(to); one != "" && other != "" && one != other {
				t.Errorf("%s: gates are alternatives, what they share is in socket", way)
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
			case imported == "unsafe" && !within(f.dir, "internal/sys") &&
				!strings.HasSuffix(f.name, "_unsafe.go") && f.shipped():
				t.Errorf("%s imports unsafe: such code lives in internal/sys, or in a file named *_unsafe.go", f.name)
			case !f.shipped():
			case imported == "testing" || within(imported, module+"/internal/ssatest"):
				t.Errorf("%s imports %s: code for tests is not shipped", f.name, imported)
			case within(imported, module+"/cmd"):
				t.Errorf("%s imports %s: a command is not a library", f.name, imported)
			}
		}
	}
}
