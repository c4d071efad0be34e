package constraints_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"net/url"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/constraints"
)

// tree is one constraint; the kind is the tag of its general name.
type tree struct {
	kind    uint8
	value   string
	minimum string // what follows the base
}

func dns(s string) tree   { return tree{kind: 2, value: s} }
func uri(s string) tree   { return tree{kind: 6, value: s} }
func email(s string) tree { return tree{kind: 1, value: s} }

func ip(addr, mask string) tree {
	a, m := net.ParseIP(addr), net.ParseIP(mask)
	if v4 := a.To4(); v4 != nil {
		a, m = v4, m.To4()
	}
	return tree{kind: 7, value: string(a) + string(m)}
}

func dir(parts ...string) tree {
	return tree{kind: 4, value: string(subject(cbasn1.UTF8String, parts...))}
}

// subject encodes a name of organisation, unit and common name.
func subject(tag cbasn1.Tag, parts ...string) []byte {
	oids := []asn1.ObjectIdentifier{{2, 5, 4, 10}, {2, 5, 4, 11}, {2, 5, 4, 3}}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i, part := range parts {
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oids[i])
					b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(part)) })
				})
			})
		}
	})
	return b.BytesOrPanic()
}

func extension(critical bool, permitted, excluded []tree) pkix.Extension {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i, list := range [][]tree{permitted, excluded} {
			if list == nil {
				continue
			}
			b.AddASN1(cbasn1.Tag(i).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				for _, t := range list {
					tag := cbasn1.Tag(t.kind).ContextSpecific()
					if t.kind == 4 || t.kind == 0 {
						tag = tag.Constructed()
					}
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(t.value)) })
						b.AddBytes([]byte(t.minimum))
					})
				}
			})
		}
	})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: critical,
		Value: b.BytesOrPanic()}
}

func trees(t ...tree) []tree { return t }

// names of a leaf.
type names struct {
	subject []byte
	dns     []string
	ips     []net.IP
	uris    []string
	emails  []string
	names   []byte // the whole extension, instead
}

func (n names) edit(t *testing.T) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses, c.EmailAddresses, c.RawSubject = n.dns, n.ips, n.emails, n.subject
		if n.subject == nil {
			c.RawSubject = subject(cbasn1.UTF8String)
		}
		for _, text := range n.uris {
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = append(c.URIs, u)
		}
		if n.names != nil {
			c.ExtraExtensions = append(c.ExtraExtensions,
				pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: n.names})
		}
	}
}

func o(parts ...string) []byte { return subject(cbasn1.UTF8String, parts...) }

var kinds = []struct {
	name      string
	permitted []tree
	excluded  []tree
	right     []names
	wrong     []names
}{
	{
		name: "ranges with bits behind their mask",
		permitted: trees(ip("127.0.0.0", "255.255.0.0"), ip("127.1.200.1", "255.255.0.0"),
			ip("2001:db8::1", "ffff:ffff::")),
		right: []names{{ips: []net.IP{net.IPv4(127, 1, 0, 5)}},
			{ips: []net.IP{net.IPv4(127, 0, 9, 9), net.ParseIP("2001:db8:5::1")}}},
		wrong: []names{{ips: []net.IP{net.IPv4(127, 2, 0, 5)}},
			{ips: []net.IP{net.ParseIP("2001:db9::1")}}},
	},
	{
		name:     "excluded ranges with bits behind their mask",
		excluded: trees(ip("127.0.0.0", "255.255.0.0"), ip("127.1.200.1", "255.255.0.0")),
		right: []names{{ips: []net.IP{net.IPv4(127, 2, 0, 5)}},
			{ips: []net.IP{net.ParseIP("2001:db8::1")}}},
		wrong: []names{{ips: []net.IP{net.IPv4(127, 1, 0, 5)}}},
	},
	{
		name:     "addresses in the form of IPv6",
		excluded: trees(ip("10.0.0.0", "255.0.0.0")),
		wrong:    []names{{names: append([]byte{0x30, 18, 0x87, 16}, net.ParseIP("10.1.2.3").To16()...)}},
	},
	{
		name:      "domains",
		permitted: trees(dns("Example.com"), dns(".example.org")),
		excluded:  trees(dns("bad.example.com")),
		right: []names{{dns: []string{"example.com", "a.EXAMPLE.com", "a.example.org"}},
			{subject: o("Anybody")}},
		wrong: []names{
			{dns: []string{"badexample.com"}}, {dns: []string{"example.org"}}, {dns: []string{"a.example.com", "example.net"}},
			{dns: []string{"x.bad.example.com"}}, {dns: []string{"*.example.com"}},
		},
	},
	{
		name:      "mailboxes",
		permitted: trees(email("Alice@Example.com"), email("host.example"), email(".domain.example")),
		right: []names{
			{emails: []string{"Alice@eXample.com"}}, {emails: []string{"bob@host.example", `"b b"@HOST.example`}}, {emails: []string{"bob@a.domain.example"}},
		},
		wrong: []names{
			{emails: []string{"alice@example.com"}}, {emails: []string{"bob@example.com"}}, {emails: []string{"bob@a.host.example"}}, {emails: []string{"bob@domain.example"}},
			{emails: []string{"bob@host.example", "bob@elsewhere.example"}}, {emails: []string{`"x@host.example`}}, {emails: []string{"nobody"}},
			{subject: mailSubject("bob@elsewhere.example")},
		},
	},
	{
		name:     "excluded mailboxes",
		excluded: trees(email("alice@example.com"), email("host.example"), email(".domain.example")),
		right: []names{{emails: []string{"bob@example.com", "bob@a.host.example",
			"bob@domain.example"}}, {emails: []string{"Alice@example.com"}}},
		wrong: []names{
			{emails: []string{"alice@EXAMPLE.com"}}, {emails: []string{`"alice"@example.com`}}, {emails: []string{`"al\ice"@example.com`}},
			{emails: []string{"x@host.example"}}, {emails: []string{"x@y.domain.example"}},
		},
	},
	{
		name:      "URIs",
		permitted: trees(uri("host.example"), uri(".Domain.example")),
		right: []names{{uris: []string{"spiffe://host.example/a", "https://HOST.example:8443/b"}},
			{uris: []string{"https://user@host.example/b"}}, {uris: []string{"https://a.b.domain.example"}}},
		wrong: []names{
			{uris: []string{"spiffe://a.host.example/a"}}, {uris: []string{"https://domain.example/"}}, {uris: []string{"https://other.example/?host.example"}},
			{uris: []string{"https://127.0.0.1/"}}, {uris: []string{"urn:uuid:0"}}, {uris: []string{"https://host.example@other.example/"}},
		},
	},
	{
		name:     "excluded URIs",
		excluded: trees(uri("host.example"), uri(".domain.example")),
		right: []names{{uris: []string{"spiffe://a.host.example/a"}},
			{uris: []string{"https://domain.example/"}}},
		wrong: []names{{uris: []string{"spiffe://host.EXAMPLE"}},
			{uris: []string{"https://a.domain.example/"}}, {uris: []string{"https://[::1]/"}}},
	},
	{
		name:      "directory names",
		permitted: trees(dir("Alpha", "Sales")),
		right: []names{
			{subject: o("Alpha", "Sales", "alice")}, {subject: o("Alpha", "Sales")}, {subject: subject(cbasn1.PrintableString, " alpha ", "SALES", "alice")}, {dns: []string{"no.subject"}},
		},
		wrong: []names{
			{subject: o("Beta", "Sales")}, {subject: o("Alpha")}, {subject: o("Alpha", "Salesmen")},
			{subject: o("Alpha", "Sales"), names: directoryNames(o("Beta"))},
		},
	},
	{
		name:     "excluded directory names",
		excluded: trees(dir("Alpha", "Sales")),
		right:    []names{{subject: o("Alpha", "Research", "alice")}, {subject: o("Beta")}},
		wrong: []names{{subject: subject(cbasn1.PrintableString, "ALPHA", "  sales", "alice")},
			{subject: subject(30, "\x00A\x00l\x00p\x00h\x00a", "\x00S\x00a\x00l\x00e\x00s")}},
	},
	{
		name:     "no directory name at all",
		excluded: trees(dir()),
		right:    []names{{dns: []string{"a.example"}}},
		wrong:    []names{{subject: o("Alpha")}},
	},
	{
		name:      "a minimum of zero, spelt out",
		permitted: trees(tree{kind: 2, value: "example.com", minimum: "\x80\x01\x00"}),
		right:     []names{{dns: []string{"a.example.com"}}},
		wrong:     []names{{dns: []string{"a.example.org"}}},
	},
	{
		name:      "a maximum",
		permitted: trees(tree{kind: 2, value: "example.com", minimum: "\x81\x01\x02"}),
		wrong:     []names{{dns: []string{"a.example.com"}}},
	},
}

func mailSubject(address string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1})
				b.AddASN1(cbasn1.IA5String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(address)) })
			})
		})
	})
	return b.BytesOrPanic()
}

func directoryNames(name []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.Tag(4).ContextSpecific().Constructed(),
			func(b *cryptobyte.Builder) { b.AddBytes(name) })
	})
	return b.BytesOrPanic()
}

// verify has crypto/x509 build the chain of what is relaxed, as package trust
// does, and judges it.
func verify(t *testing.T, root *ssatest.Authority, leaf *ssatest.Issued, strict bool) error {
	t.Helper()
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	opts.Roots.AddCert(constraints.Relax(root.Certificate()))
	for _, der := range leaf.TLS.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		opts.Intermediates.AddCert(constraints.Relax(cert))
	}
	chains, err := leaf.Leaf().Verify(opts)
	if err != nil {
		t.Fatalf("crypto/x509 builds no chain: %v", err)
	}
	return (&constraints.Judge{Strict: strict}).Check(chains[0])
}

func TestKinds(t *testing.T) {
	for _, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			constrained := func(c *x509.Certificate) {
				c.ExtraExtensions = append(c.ExtraExtensions, extension(true, test.permitted, test.excluded))
			}
			asRoot := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Edit: constrained})
			plain := ssatest.NewAuthority(t)
			below := plain.IntermediateWith(t, ssatest.AuthorityOptions{Edit: constrained})
			for _, place := range []struct {
				name       string
				root, from *ssatest.Authority
			}{{"root", asRoot, asRoot}, {"intermediate", plain, below}} {
				for i, n := range test.right {
					if err := verify(t, place.root, place.from.Issue(t, ssatest.Leaf{Edit: n.edit(t)}),
						true); err != nil {
						t.Errorf("%s, right %d: %v", place.name, i, err)
					}
				}
				for i, n := range test.wrong {
					if err := verify(t, place.root, place.from.Issue(t, ssatest.Leaf{Edit: n.edit(t)}),
						false); err == nil {
						t.Errorf("%s, wrong %d is accepted", place.name, i)
					}
				}
			}
		})
	}
}

// TestNotUnderstood: constraints for kinds of names that nobody here knows.
func TestNotUnderstood(t *testing.T) {
	other := trees(tree{kind: 8, value: "\x2a\x03"}) // registered identifiers below 1.2.3
	with := func(critical bool) *ssatest.Authority {
		return ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Edit: func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, extension(critical, other, nil))
		}})
	}
	registered := names{names: []byte{0x30, 4, 0x88, 2, 0x2a, 4}}
	for _, test := range []struct {
		name             string
		critical, strict bool
		leaf             names
		refused          bool
	}{
		{name: "beside", leaf: names{dns: []string{"a.example"}}},
		{name: "met", leaf: registered, refused: true},
		{name: "critical", critical: true, leaf: names{dns: []string{"a.example"}}, refused: true},
		{name: "of a client", strict: true, leaf: names{subject: o("Alpha")}, refused: true},
	} {
		root := with(test.critical)
		err := verify(t, root, root.Issue(t, ssatest.Leaf{Edit: test.leaf.edit(t)}), test.strict)
		if (err != nil) != test.refused {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestSelfIssued: an authority's new key is below its old one, and may have a
// name that the old one permits to nobody else.
func TestSelfIssued(t *testing.T) {
	root := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Root",
		Edit: func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, extension(true, trees(dir("Alpha")), nil))
		}})
	renewed := root.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Root"})
	stranger := root.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Stranger"})
	leaf := ssatest.Leaf{Edit: names{subject: o("Alpha")}.edit(t)}
	if err := verify(t, root, renewed.Issue(t, leaf), true); err != nil {
		t.Errorf("a renewed key: %v", err)
	}
	if err := verify(t, root, stranger.Issue(t, leaf), true); err == nil {
		t.Error("an authority of another name is accepted")
	}
}

// TestBounded: work is bounded, whatever is in a chain.
func TestBounded(t *testing.T) {
	var many []tree
	var hosts []string
	for range 2000 {
		many, hosts = append(many, dns("x.example")), append(hosts, "a.example")
	}
	root := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Edit: func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, extension(true, nil, many))
	}})
	if err := verify(t, root, root.Issue(t, ssatest.Leaf{Names: hosts}), false); err == nil {
		t.Error("four million comparisons are made")
	}
}
