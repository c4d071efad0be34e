//go:build linux

package contract

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

var loopback = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

// verification is one server certificate and what a client makes of it.
type verification struct {
	name string
	leaf ssatest.Leaf
	// selfSigned makes the leaf sign itself; foreign, another authority.
	selfSigned, foreign bool
	settings            []string // of the program
	scenario            string   // of the program, "verify" if empty
	good                bool
	// words must all be in TLS_ERROR.
	words []string
}

func (v verification) server(t *testing.T, authority *ssatest.Authority) *tls.Config {
	issued := authority.Issue(t, v.leaf)
	switch {
	case v.selfSigned:
		issued = ssatest.SelfSigned(t, v.leaf)
	case v.foreign:
		issued = ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Foreign Root"}).Issue(t,
			v.leaf)
	}
	return &tls.Config{Certificates: []tls.Certificate{issued.TLS}}
}

// TestVerification is the core of security: who gets through and who does not,
// and that the sentence has the facts a person needs.
func TestVerification(t *testing.T) {
	past, future := time.Now().Add(-30*24*time.Hour), time.Now().Add(30*24*time.Hour)
	tests := []verification{
		{name: "right name", leaf: ssatest.Leaf{Names: []string{"a.example"}}, settings: []string{"name=a.example"}, good: true},
		{name: "right name, other case", leaf: ssatest.Leaf{Names: []string{"a.example"}}, settings: []string{"name=A.Example"}, good: true},
		{name: "wildcard", leaf: ssatest.Leaf{Names: []string{"*.example.org"}}, settings: []string{"name=www.example.org"}, good: true},
		{name: "wrong name", leaf: ssatest.Leaf{Names: []string{"a.example", "b.example"}}, settings: []string{"name=c.example"},
			words: []string{"a.example", "b.example", "c.example"}},
		{name: "wildcard too deep", leaf: ssatest.Leaf{Names: []string{"*.example.org"}}, settings: []string{"name=a.b.example.org"},
			words: []string{"*.example.org", "a.b.example.org"}},
		{name: "name in the subject alone", leaf: ssatest.Leaf{Subject: "a.example"}, settings: []string{"name=a.example"}, words: []string{"a.example"}},
		{name: "expired", leaf: ssatest.Leaf{Names: []string{"a.example"}, NotBefore: past.Add(-time.Hour), NotAfter: past}, settings: []string{"name=a.example"},
			words: []string{"expired", past.UTC().Format("2006-01-02")}},
		{name: "not yet valid", leaf: ssatest.Leaf{Names: []string{"a.example"}, NotBefore: future, NotAfter: future.Add(time.Hour)}, settings: []string{"name=a.example"},
			words: []string{"not valid", future.UTC().Format("2006-01-02")}},
		{name: "unknown anchor", leaf: ssatest.Leaf{Names: []string{"a.example"}}, foreign: true, settings: []string{"name=a.example"},
			words: []string{"Foreign Root", "trust.roots"}},
		{name: "self-signed", leaf: ssatest.Leaf{Names: []string{"a.example"}, Subject: "alone"}, selfSigned: true, settings: []string{"name=a.example"},
			words: []string{"self-signed"}},
		{name: "for clients only", leaf: ssatest.Leaf{Names: []string{"a.example"}, Client: true}, settings: []string{"name=a.example"}, words: []string{"client"}},
		{name: "address without a name", leaf: ssatest.Leaf{IPs: loopback}, good: true},
		{name: "address as the name", leaf: ssatest.Leaf{IPs: loopback}, settings: []string{"name=127.0.0.1"}, good: true},
		{name: "no name and no address", leaf: ssatest.Leaf{Names: []string{"a.example"}}, words: []string{"127.0.0.1", "a.example"}},
		{name: "host name address", scenario: "by-name", leaf: ssatest.Leaf{Names: []string{"localhost"}}, settings: []string{"name=localhost"}, good: true},
		{name: "host name family", scenario: "by-name", leaf: ssatest.Leaf{Names: []string{"localhost"}}, settings: []string{"name=localhost", "fd=1"}, good: true},
		{name: "host name address, wrong name", scenario: "by-name", leaf: ssatest.Leaf{Names: []string{"a.example"}}, settings: []string{"name=localhost"},
			words: []string{"localhost", "a.example"}},
	}
	authority := ssatest.NewAuthority(t)
	policy := ssatest.PolicyWithRoots(t, "", authority.File(t))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := (&peer.Network{Server: test.server(t, authority)}).Listen(t)
			scenario := test.scenario
			if scenario == "" {
				scenario = "verify"
			}
			p := start(t, policy, scenario, append([]string{to(l)}, test.settings...)...)
			if test.good {
				c := l.Accept()
				c.ExpectEnd()
				c.Close()
				got := p.Finish()
				wantLines(t, got, "connect = 0", "TLS_VERSION_CONN = 0", "version: 0x0304, length 4",
					"id: given, length 8", "chain: PEM")
				if identity := lineWith(t, got, "TLS_PEER_IDENTITY: "); identity == `TLS_PEER_IDENTITY: ""` {
					t.Errorf("a verified peer has no identity: %s", identity)
				}
				return
			}
			if err := l.AcceptFailing(); !strings.Contains(err.Error(), "tls:") {
				t.Errorf("the peer was not told by an alert: %v", err)
			}
			got := p.Finish()
			wantLines(t, got, "connect = -1 EPROTO")
			sentence := lineWith(t, got, "TLS_ERROR: ")
			for _, word := range test.words {
				if !strings.Contains(sentence, word) {
					t.Errorf("the sentence lacks %q: %s", word, sentence)
				}
				if !strings.Contains(p.Stderr(), word) {
					t.Errorf("standard error of ssa run -v lacks %q:\n%s", word, p.Stderr())
				}
			}
		})
	}
}

// TestVerificationNonblocking is the same for a connect in the background: the
// outcome comes once, by SO_ERROR, and the sentence is there.
func TestVerificationNonblocking(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	l := (&peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}}).Listen(t)
	p := start(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), "verify-nonblocking", to(l),
		"name=b.example")
	_ = l.AcceptFailing() // only that it failed matters here
	got := p.Finish()
	wantLines(t, got, "connect = -1 EINPROGRESS", "poll, waited: 1 IN|OUT|ERR|HUP|RDHUP",
		"SO_ERROR: EPROTO")
	if s := lineWith(t, got, "TLS_ERROR: "); !strings.Contains(s, "b.example") {
		t.Errorf("the sentence does not name b.example: %s", s)
	}
}

// TestProgramRoots: roots that a program brings narrow what the administrator
// trusts, and cannot widen it.
func TestProgramRoots(t *testing.T) {
	ours, other := ssatest.NewAuthority(t),
		ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Other Root"})
	tests := []struct {
		name    string
		server  *ssatest.Authority
		program *ssatest.Authority
		trusted []*ssatest.Authority
		good    bool
	}{
		{"both trust it", ours, ours, []*ssatest.Authority{ours}, true},
		{"the program narrows", ours, other, []*ssatest.Authority{ours, other}, false},
		{"the program cannot widen", other, other, []*ssatest.Authority{ours}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			leaf := test.server.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
			l := (&peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}}).Listen(t)
			var roots []string
			for _, a := range test.trusted {
				roots = append(roots, a.File(t))
			}
			p := start(t, ssatest.PolicyWithRoots(t, "", roots...), "verify", to(l), "name=a.example",
				"ca="+test.program.File(t))
			if test.good {
				l.Accept().ExpectEnd().Close()
				wantLines(t, p.Finish(), "connect = 0")
				return
			}
			_ = l.AcceptFailing()
			wantLines(t, p.Finish(), "connect = -1 EPROTO")
		})
	}
}

// TestNameResolution: a name that does not resolve.
func TestNameResolution(t *testing.T) {
	p := start(t, "", "by-name", "name=no-such-host.invalid", "port=443")
	got := p.Finish()
	wantLines(t, got, "connect = -1 EHOSTUNREACH")
	if s := lineWith(t, got, "TLS_ERROR: "); !strings.Contains(s, "no-such-host.invalid") {
		t.Errorf("the sentence does not name the host: %s", s)
	}
}

// TestNameEndsWithAddress: a host address need not end with a NUL.
func TestNameEndsWithAddress(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	l := (&peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}}).Listen(t)
	p := start(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), "by-name-unended", to(l),
		"name=localhost")
	l.Accept().ExpectEnd().Close()
	wantLines(t, p.Finish(), "connect = 0", `TLS_PEER_IDENTITY: "localhost"`)
}
