package identity_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func makeIdentity(t testing.TB, a *ssatest.Authority, l ssatest.Leaf) *identity.Identity {
	t.Helper()
	issued := a.Issue(t, l)
	chain, err := identity.ParseChain(issued.ChainPEM)
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.ParseKey(issued.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Match([]identity.Chain{chain}, key)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestSelect(t *testing.T) {
	a := ssatest.NewAuthority(t)
	ids := []*identity.Identity{
		makeIdentity(t, a, ssatest.Leaf{Subject: "default", Names: []string{"default.example"}}),
		makeIdentity(t, a, ssatest.Leaf{Subject: "wildcard", Names: []string{"*.example.com"}}),
		makeIdentity(t, a, ssatest.Leaf{Subject: "exact rsa", Names: []string{"www.example.com"},
			RSA: 2048}),
		makeIdentity(t, a, ssatest.Leaf{Subject: "exact ecdsa", Names: []string{"WWW.example.com"}}),
	}
	both := []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256}
	for _, tc := range []struct {
		name, sni string
		schemes   []tls.SignatureScheme
		want      string
	}{
		{"no name", "", both, "default"},
		{"the default's own name", "default.example", both, "default"},
		{"unknown name", "other.example", both, "default"},
		{"exact, first of two", "www.example.com", both, "exact rsa"},
		{"exact, client without RSA", "www.example.com", both[:1], "exact ecdsa"},
		{"case and final dot", "Www.Example.COM.", both, "exact rsa"},
		{"wildcard", "mail.example.com", both, "wildcard"},
		{"wildcard is one label", "a.mail.example.com", both, "default"},
		{"wildcard needs a label", "example.com", both, "default"},
		{"wildcard unsupported", "mail.example.com", both[1:], "exact rsa"},
		{"nothing supported", "www.example.com", []tls.SignatureScheme{tls.Ed25519}, "default"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			hello := &tls.ClientHelloInfo{ServerName: tc.sni, SupportedVersions: []uint16{tls.VersionTLS13},
				CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256}, SignatureSchemes: tc.schemes}
			cert, err := identity.Select(ids, hello)
			if err != nil {
				t.Fatal(err)
			}
			if got := cert.Leaf.Subject.CommonName; got != tc.want {
				t.Errorf("selected %q, want %q", got, tc.want)
			}
			if hello.ServerName != tc.sni {
				t.Errorf("the hello's name was changed to %q", hello.ServerName)
			}
		})
	}
	if _, err := identity.Select(nil, &tls.ClientHelloInfo{}); err == nil {
		t.Error("no error without identities")
	}
}

func TestSelectClient(t *testing.T) {
	a, b := ssatest.NewAuthority(t), ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "B"})
	ids := []*identity.Identity{
		makeIdentity(t, a, ssatest.Leaf{Subject: "of a", Client: true}),
		makeIdentity(t, b, ssatest.Leaf{Subject: "of b", Client: true}),
	}
	request := func(authorities ...*x509.Certificate) *tls.CertificateRequestInfo {
		info := &tls.CertificateRequestInfo{Version: tls.VersionTLS13,
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}}
		for _, cert := range authorities {
			info.AcceptableCAs = append(info.AcceptableCAs, cert.RawSubject)
		}
		return info
	}
	for _, tc := range []struct {
		name    string
		request *tls.CertificateRequestInfo
		want    string
	}{
		{"any authority", request(), "of a"},
		{"the second authority", request(b.Certificate()), "of b"},
		{"an unknown authority", request(a.IntermediateWith(t, ssatest.AuthorityOptions{Name: "C"}).Certificate()), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cert, err := identity.SelectClient(ids, tc.request)
			if err != nil {
				t.Fatal(err)
			}
			if only, err := identity.SelectClient(ids[:1], tc.request); err != nil || only.Leaf == nil {
				t.Errorf("the only certificate is withheld: %v", err)
			}
			got := ""
			if cert.Leaf != nil {
				got = cert.Leaf.Subject.CommonName
			}
			if got != tc.want {
				t.Errorf("selected %q, want %q", got, tc.want)
			}
		})
	}
}

// TestOnlyClientCertificateThatCannotSign: nothing is shown that the server could
// not read.
func TestOnlyClientCertificateThatCannotSign(t *testing.T) {
	ids := []*identity.Identity{makeIdentity(t, ssatest.NewAuthority(t),
		ssatest.Leaf{Subject: "a", Client: true})}
	cert, err := identity.SelectClient(ids, &tls.CertificateRequestInfo{Version: tls.VersionTLS13,
		SignatureSchemes: []tls.SignatureScheme{tls.Ed25519}})
	if err != nil || cert.Leaf != nil {
		t.Errorf("%v, %v", cert.Leaf, err)
	}
}
