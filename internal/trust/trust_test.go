package trust_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// verification is one row: a peer, what it is held against, and the outcome.
type verification struct {
	name    string
	chain   []*x509.Certificate
	host    string
	roots   *x509.CertPool
	program []*x509.Certificate
	client  bool
	cause   trust.Cause
	want    string // all of the sentence, or of the identity when accepted
	accept  bool
}

func chainOf(t testing.TB, i *ssatest.Issued) []*x509.Certificate {
	t.Helper()
	var chain []*x509.Certificate
	for _, der := range i.TLS.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	return chain
}

// The clock of all rows: certificates are made relative to it.
var now = time.Now()

func run(t *testing.T, rows []verification) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			cfg := trust.Config{MinRSABits: 2048, MinECDSABits: 256,
				Roots: func() *x509.CertPool { return row.roots }, RootsFrom: "the test's store",
				ProgramRoots: row.program}
			if row.client {
				cfg.Usage = trust.ClientCertificate
			}
			result, err := trust.New(cfg).Verify(row.chain, row.host, now)
			if row.accept {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				if result.Identity != row.want {
					t.Errorf("identity %q, want %q", result.Identity, row.want)
				}
				return
			}
			if err == nil {
				t.Fatalf("accepted as %q, want %q", result.Identity, row.want)
			}
			if cause, ok := trust.CauseOf(err); !ok || cause != row.cause {
				t.Errorf("cause %v, want %v", cause, row.cause)
			}
			if err.Error() != row.want {
				t.Errorf("sentence\n\t%s\nwant\n\t%s", err, row.want)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	root := ssatest.NewAuthority(t)
	middle := root.Intermediate(t)
	issue := func(l ssatest.Leaf) []*x509.Certificate { return chainOf(t, middle.Issue(t, l)) }
	web := issue(ssatest.Leaf{Names: []string{"a.example", "*.b.example"},
		IPs: []net.IP{net.IPv4(192, 0, 2, 1), net.ParseIP("2001:db8::1")}})
	self := chainOf(t, ssatest.SelfSigned(t, ssatest.Leaf{Names: []string{"self.example"}}))
	selfPool := x509.NewCertPool()
	selfPool.AddCert(self[0])
	unordered := []*x509.Certificate{web[0], root.Certificate(), web[1]}

	run(t, []verification{
		{name: "host name", chain: web, host: "a.example", roots: root.Pool(), accept: true, want: "a.example"},
		{name: "case", chain: web, host: "A.Example", roots: root.Pool(), accept: true, want: "A.Example"},
		{name: "final dot", chain: web, host: "a.example.", roots: root.Pool(), accept: true, want: "a.example."},
		{name: "wildcard", chain: web, host: "x.b.example", roots: root.Pool(), accept: true, want: "x.b.example"},
		{name: "IPv4", chain: web, host: "192.0.2.1", roots: root.Pool(), accept: true, want: "192.0.2.1"},
		{name: "IPv6", chain: web, host: "2001:db8:0::1", roots: root.Pool(), accept: true, want: "2001:db8:0::1"},
		{name: "mapped IPv4", chain: web, host: "::ffff:192.0.2.1", roots: root.Pool(), accept: true, want: "::ffff:192.0.2.1"},
		{name: "zone", chain: web, host: "2001:db8::1%eth0", roots: root.Pool(), accept: true, want: "2001:db8::1%eth0"},
		{name: "out of order, with the root", chain: unordered, host: "a.example", roots: root.Pool(), accept: true, want: "a.example"},
		{name: "self-signed anchor", chain: self, host: "self.example", roots: selfPool, accept: true, want: "self.example"},
		{name: "program names the same root", chain: web, host: "a.example", roots: root.Pool(),
			program: []*x509.Certificate{root.Certificate()}, accept: true, want: "a.example"},
		{name: "program names the intermediate", chain: web, host: "a.example", roots: root.Pool(),
			program: []*x509.Certificate{middle.Certificate()}, accept: true, want: "a.example"},
		{name: "program pins the leaf", chain: web, host: "a.example", roots: root.Pool(),
			program: []*x509.Certificate{self[0], web[0]}, accept: true, want: "a.example"},
		{name: "client", chain: issue(ssatest.Leaf{Subject: "alice", Client: true}), roots: root.Pool(), client: true, accept: true, want: "CN=alice"},
		{name: "client by name", chain: issue(ssatest.Leaf{Names: []string{"c.example"}, Client: true}), roots: root.Pool(), client: true, accept: true, want: "DNS:c.example"},
	})
}

func TestWrongNames(t *testing.T) {
	root := ssatest.NewAuthority(t)
	web := chainOf(t, root.Issue(t, ssatest.Leaf{Names: []string{"a.example", "b.example"}}))
	var many []string
	for i := range 8 {
		many = append(many, fmt.Sprintf("n%d.example", i))
	}
	crowd := chainOf(t, root.Issue(t, ssatest.Leaf{Names: many}))
	run(t, []verification{
		{name: "other host", chain: web, host: "c.example", roots: root.Pool(), cause: trust.WrongName,
			want: "the certificate is for a.example, b.example, not for c.example"},
		{name: "subdomain", chain: web, host: "x.a.example", roots: root.Pool(), cause: trust.WrongName,
			want: "the certificate is for a.example, b.example, not for x.a.example"},
		{name: "many names", chain: crowd, host: "c.example", roots: root.Pool(), cause: trust.WrongName,
			want: "the certificate is for n0.example, n1.example, n2.example, n3.example, n4.example (and 3 more), not for c.example"},
		{name: "address", chain: web, host: "127.0.0.1", roots: root.Pool(), cause: trust.WrongName,
			want: "the certificate is for a.example, b.example, not for the address 127.0.0.1; if the peer has a name, set it with TLS_REMOTE_HOSTNAME"},
		{name: "common name alone", chain: chainOf(t, root.Issue(t, ssatest.Leaf{Subject: "c.example"})),
			host: "c.example", roots: root.Pool(), cause: trust.WrongName,
			want: `the certificate has no valid name, and must be for c.example: "c.example" in its subject is ignored, names belong in subjectAltName`},
		{name: "no name at all", chain: chainOf(t, root.Issue(t, ssatest.Leaf{})), host: "c.example",
			roots: root.Pool(), cause: trust.WrongName,
			want: "the certificate is for nobody, and must be for c.example: it has no subjectAltName"},
		{name: "nothing to compare", chain: web, host: "", roots: root.Pool(), cause: trust.WrongName,
			want: "there is no name to verify the peer's certificate against"},
		{name: "only a dot", chain: web, host: ".", roots: root.Pool(), cause: trust.WrongName,
			want: "there is no name to verify the peer's certificate against"},
		{name: "hostile name",
			chain: chainOf(t,
				root.Issue(t, ssatest.Leaf{Subject: "\x1b[2Jx\u202e" + strings.Repeat("y", 200)})),
			host: "c.example", roots: root.Pool(), cause: trust.WrongName,
			want: `the certificate has no valid name, and must be for c.example: "?[2Jx?` + strings.Repeat("y", 94) + `..." in its subject is ignored, names belong in subjectAltName`},
	})
}

func TestTimes(t *testing.T) {
	root := ssatest.NewAuthority(t)
	day := 24 * time.Hour
	stamp := func(d time.Duration) string { return now.Add(d).UTC().Format("2006-01-02 15:04 UTC") }
	old := func(d time.Duration) []*x509.Certificate {
		return chainOf(t, root.Issue(t, ssatest.Leaf{Names: []string{"a.example"},
			NotBefore: now.Add(-400 * day), NotAfter: now.Add(-d)}))
	}
	early := chainOf(t,
		root.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, NotBefore: now.Add(2 * time.Hour)}))
	expiredMiddle := root.IntermediateWith(t, ssatest.AuthorityOptions{NotBefore: now.Add(-3 * day),
		NotAfter: now.Add(-2 * day)})
	expiredRoot := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{NotBefore: now.Add(-3 * day),
		NotAfter: now.Add(-2 * day)})
	leaf := ssatest.Leaf{Names: []string{"a.example"}}
	run(t, []verification{
		{name: "days ago", chain: old(23*day + time.Hour), host: "a.example", roots: root.Pool(),
			cause: trust.Expired,
			want:  "the certificate of a.example expired on " + stamp(-23*day-time.Hour) + " (23 days ago)"},
		{name: "an hour ago", chain: old(61 * time.Minute), host: "a.example", roots: root.Pool(),
			cause: trust.Expired,
			want:  "the certificate of a.example expired on " + stamp(-61*time.Minute) + " (1 hour ago)"},
		{name: "not yet", chain: early, host: "a.example", roots: root.Pool(), cause: trust.NotYetValid,
			want: "the certificate of a.example is not valid before " + stamp(2*time.Hour) + ", and it is " + stamp(0) + " now; is the clock right?"},
		{name: "intermediate", chain: chainOf(t, expiredMiddle.Issue(t, leaf)), host: "a.example",
			roots: root.Pool(), cause: trust.Expired,
			want: `the intermediate certificate "CN=SSA Test Intermediate" expired on ` + stamp(-2*day) + " (2 days ago)"},
		{name: "anchor", chain: chainOf(t, expiredRoot.Issue(t, leaf)), host: "a.example",
			roots: expiredRoot.Pool(), cause: trust.Expired,
			want: `the authority's certificate "CN=SSA Test Root" expired on ` + stamp(-2*day) + " (2 days ago)"},
	})
}

func TestAnchors(t *testing.T) {
	root, foreign := ssatest.NewAuthority(t),
		ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Foreign"})
	leaf := ssatest.Leaf{Names: []string{"a.example"}}
	direct := chainOf(t, foreign.Issue(t, leaf))
	middle := chainOf(t, foreign.Intermediate(t).Issue(t, leaf))
	whole := append(append([]*x509.Certificate{}, middle...), foreign.Certificate())
	self := chainOf(t,
		ssatest.SelfSigned(t, ssatest.Leaf{Subject: "me", Names: []string{"a.example"}}))
	trusted := chainOf(t, root.Issue(t, leaf))
	// An authority that has the name of an anchor but not its key.
	impostor := chainOf(t, ssatest.NewAuthority(t).Issue(t, leaf))
	const add = "is not among the anchors of the test's store; add it to trust.roots in the policy if you trust it"
	run(t, []verification{
		{name: "no chain", host: "a.example", roots: root.Pool(), cause: trust.NoCertificate, want: "the peer sent no certificate"},
		{name: "self-signed", chain: self, host: "a.example", roots: root.Pool(), cause: trust.SelfSigned,
			want: "the certificate of a.example is self-signed and not among the anchors of the test's store; add it to trust.roots in the policy if you trust it"},
		{name: "foreign root, not sent", chain: direct, host: "a.example", roots: root.Pool(),
			cause: trust.UnknownAnchor,
			want:  `the certificate of a.example was issued by "CN=Foreign", which ` + add + "; if it is an intermediate, the peer should send it with its certificate"},
		{name: "foreign root behind an intermediate", chain: middle, host: "a.example",
			roots: root.Pool(), cause: trust.UnknownAnchor,
			want: `the chain of the certificate of a.example ends in a certificate issued by "CN=Foreign", which ` + add},
		{name: "foreign root, sent", chain: whole, host: "a.example", roots: root.Pool(),
			cause: trust.UnknownAnchor,
			want:  `the chain of the certificate of a.example ends in "CN=Foreign", which ` + add},
		{name: "missing intermediate", chain: middle[:1], host: "a.example", roots: foreign.Pool(),
			cause: trust.UnknownAnchor,
			want:  `the certificate of a.example was issued by "CN=SSA Test Intermediate", which ` + add + "; if it is an intermediate, the peer should send it with its certificate"},
		{name: "same name as an anchor", chain: impostor, host: "a.example", roots: root.Pool(),
			cause: trust.UnknownAnchor,
			want:  `the certificate of a.example was issued by "CN=SSA Test Root", which ` + add + "; if it is an intermediate, the peer should send it with its certificate"},
		{name: "no anchors", chain: trusted, host: "a.example", roots: nil, cause: trust.UnknownAnchor,
			want: `the certificate of a.example was issued by "CN=SSA Test Root", which ` + add + "; if it is an intermediate, the peer should send it with its certificate"},
		{name: "the program's root is not the administrator's", chain: whole, host: "a.example", roots: root.Pool(),
			program: []*x509.Certificate{foreign.Certificate()}, cause: trust.UnknownAnchor,
			want: `the chain of the certificate of a.example ends in "CN=Foreign", which ` + add + " (the program does, by TLS_TRUSTED_PEER_CERTIFICATES, but a program can only narrow what the policy trusts)"},
		{name: "the program pins a leaf the administrator does not trust", chain: self, host: "a.example", roots: root.Pool(),
			program: self, cause: trust.SelfSigned,
			want: "the certificate of a.example is self-signed and not among the anchors of the test's store; add it to trust.roots in the policy if you trust it (the program does, by TLS_TRUSTED_PEER_CERTIFICATES, but a program can only narrow what the policy trusts)"},
		{name: "the program accepts another root", chain: trusted, host: "a.example", roots: root.Pool(),
			program: []*x509.Certificate{foreign.Certificate()}, cause: trust.NotByProgram,
			want: `the certificate of a.example does not lead to the certificate that the program accepts ("CN=Foreign", from TLS_TRUSTED_PEER_CERTIFICATES)`},
		{name: "the program accepts two others", chain: trusted, host: "a.example", roots: root.Pool(),
			program: []*x509.Certificate{foreign.Certificate(), self[0]}, cause: trust.NotByProgram,
			want: "the certificate of a.example leads to none of the 2 certificates that the program accepts (TLS_TRUSTED_PEER_CERTIFICATES)"},
	})
}

func TestConstraints(t *testing.T) {
	root := ssatest.NewAuthority(t)
	leaf := ssatest.Leaf{Names: []string{"a.example"}}
	bound := root.IntermediateWith(t,
		ssatest.AuthorityOptions{PermittedDNSDomains: []string{"other.example"}})
	mail := root.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Mail",
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}})
	short := root.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Zero",
		NoIntermediates: true}).Intermediate(t)
	run(t, []verification{
		{name: "client certificate",
			chain: chainOf(t, root.Issue(t, ssatest.Leaf{Names: leaf.Names, Client: true})),
			host:  "a.example", roots: root.Pool(),
			cause: trust.WrongUsage, want: "the certificate of a.example is not for servers, only for clients"},
		{name: "server certificate of a client",
			chain: chainOf(t, root.Issue(t, ssatest.Leaf{Subject: "x"})), client: true, roots: root.Pool(),
			cause: trust.WrongUsage, want: `the certificate of "CN=x" is not for clients, only for servers`},
		{name: "intermediate for mail", chain: chainOf(t, mail.Issue(t, leaf)), host: "a.example",
			roots: root.Pool(),
			cause: trust.WrongUsage, want: `the intermediate certificate "CN=Mail" is not for servers, only for e-mail`},
		{name: "name constraint", chain: chainOf(t, bound.Issue(t, leaf)), host: "a.example",
			roots: root.Pool(), cause: trust.Constrained,
			want: `the certificate of a.example was issued by an authority that may not: DNS name "a.example" is not permitted by any constraint`},
		{name: "path length", chain: chainOf(t, short.Issue(t, leaf)), host: "a.example",
			roots: root.Pool(), cause: trust.Constrained,
			want: `the intermediate certificate "CN=Zero" allows fewer intermediates below it than the peer sent`},
	})
}

func TestDepth(t *testing.T) {
	root := ssatest.NewAuthority(t)
	chain := chainOf(t, root.Intermediate(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	for depth, cause := range map[int]string{0: "", 3: "", 2: "constrained"} {
		v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
			MaxDepth: depth})
		_, err := v.Verify(chain, "a.example", now)
		got := ""
		if c, ok := trust.CauseOf(err); ok {
			got = c.String()
		}
		if got != cause {
			t.Errorf("three certificates and a depth of %d: %v, want cause %q", depth, err, cause)
		}
	}
}

func TestStrength(t *testing.T) {
	root := ssatest.NewAuthority(t)
	name := []string{"a.example"}
	run(t, []verification{
		{name: "RSA 2048", chain: chainOf(t, root.Issue(t, ssatest.Leaf{Names: name, RSA: 2048})), host: "a.example", roots: root.Pool(), accept: true, want: "a.example"},
		{name: "RSA 1024", chain: chainOf(t, root.Issue(t, ssatest.Leaf{Names: name, RSA: 1024})),
			host: "a.example", roots: root.Pool(),
			cause: trust.Weak, want: "the certificate of a.example has a RSA key of 1024 bits, which is too small (at least 2048)"},
		{name: "P-224",
			chain: chainOf(t, root.Issue(t, ssatest.Leaf{Names: name, Curve: elliptic.P224()})),
			host:  "a.example", roots: root.Pool(),
			cause: trust.Weak, want: "the certificate of a.example has a ECDSA key of 224 bits, which is too small (at least 256)"},
		{name: "Ed25519", chain: chainOf(t, root.Issue(t, ssatest.Leaf{Names: name, Ed25519: true})), host: "a.example", roots: root.Pool(), accept: true, want: "a.example"},
		{name: "SHA-1",
			chain: chainOf(t, root.Issue(t, ssatest.Leaf{Names: name, Signature: x509.ECDSAWithSHA1})),
			host:  "a.example", roots: root.Pool(),
			cause: trust.Weak, want: "the certificate of a.example is signed with ECDSA-SHA1, which is too weak to be accepted"},
	})
}
