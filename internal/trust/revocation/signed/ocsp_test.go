package signed_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

func leafOf(t testing.TB, a *ssatest.Authority, edit func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	return a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, Edit: edit}).Leaf()
}

func TestOCSP(t *testing.T) {
	now := time.Now()
	root, other := ssatest.NewAuthority(t), ssatest.NewAuthority(t)
	namesake := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Another"})
	cert := leafOf(t, root, nil)
	good := root.Responder(t, nil)
	answer := func(a *ssatest.Authority, o ssatest.OCSPAnswer) []byte { return a.OCSP(t, cert, o) }
	responder := func(edit func(*x509.Certificate)) []byte {
		return answer(root, ssatest.OCSPAnswer{Responder: root.Responder(t, edit)})
	}
	for _, test := range []struct {
		name string
		der  []byte
		want signed.Status
		err  string // part of it
	}{
		{name: "good", der: answer(root, ssatest.OCSPAnswer{}), want: signed.Good},
		{name: "revoked", der: answer(root, ssatest.OCSPAnswer{Status: ocsp.Revoked, Reason: 1}), want: signed.Revoked},
		{name: "unknown", der: answer(root, ssatest.OCSPAnswer{Status: ocsp.Unknown}), want: signed.Unknown},
		{name: "SHA-256 identifiers", der: answer(root, ssatest.OCSPAnswer{Hash: crypto.SHA256}), want: signed.Good},
		{name: "delegated", der: answer(root, ssatest.OCSPAnswer{Responder: good}), want: signed.Good},
		{name: "delegated and revoked", der: answer(root, ssatest.OCSPAnswer{Responder: good, Status: ocsp.Revoked}), want: signed.Revoked},
		{name: "just ended", der: answer(root, ssatest.OCSPAnswer{To: now.Add(-4 * time.Minute)}), want: signed.Good},
		{name: "clock a little behind", der: answer(root, ssatest.OCSPAnswer{From: now.Add(4 * time.Minute)}), want: signed.Good},
		{name: "without end, fresh", der: answer(root, ssatest.OCSPAnswer{NoNext: true, From: now.Add(-50 * time.Minute)}), want: signed.Good},
		{name: "without end, old", der: answer(root, ssatest.OCSPAnswer{NoNext: true, From: now.Add(-70 * time.Minute)}), err: "it expired on"},
		{name: "ended", der: answer(root, ssatest.OCSPAnswer{To: now.Add(-6 * time.Minute)}), err: "it expired on"},
		{name: "of the future", der: answer(root, ssatest.OCSPAnswer{From: now.Add(6 * time.Minute)}), err: "it is valid only from"},
		{name: "ends before it begins", der: answer(root, ssatest.OCSPAnswer{From: now, To: now.Add(-time.Minute)}), err: "it expires before it begins"},
		{name: "another serial number", der: answer(root, ssatest.OCSPAnswer{Serial: big.NewInt(7)}), err: "no response matching"},
		{name: "signed by another authority of that name", der: answer(other, ssatest.OCSPAnswer{}), err: "not signed by the authority"},
		{name: "about another authority", der: namesakeAnswer(t, namesake, root, cert), err: "it is about a certificate of another authority"},
		{name: "delegated to by another authority", der: answer(root, ssatest.OCSPAnswer{Responder: other.Responder(t, nil)}), err: "not signed by the authority"},
		{name: "responder without the usage",
			der: responder(func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			}),
			err: "its responder's certificate is not for signing OCSP responses"},
		{name: "responder for any use",
			der: responder(func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
			}),
			err: "its responder's certificate is not for signing OCSP responses"},
		{name: "responder without signatures",
			der: responder(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }),
			err: "its responder's key is not for signatures"},
		{name: "responder expired", der: responder(func(c *x509.Certificate) { c.NotAfter = now.Add(-6 * time.Minute) }), err: "its responder's certificate is valid from"},
		{name: "responder signed with SHA-1", der: responder(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }), err: "which proves nothing"},
		{name: "response signed with SHA-1", der: answer(root, ssatest.OCSPAnswer{Signature: x509.ECDSAWithSHA1}), err: "which proves nothing"},
		{name: "critical extension",
			der: answer(root,
				ssatest.OCSPAnswer{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3},
					Critical: true, Value: []byte{5, 0}}}}),
			err: "unsupported critical extension"},
		{name: "refusal", der: ocsp.TryLaterErrorResponse, err: `the responder gave no answer, but "try later"`},
		{name: "empty", der: nil, err: "malformed"},
		{name: "too large", der: make([]byte, signed.MaxOCSP+1), err: "it has 65537 bytes, more than 65536"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := signed.OCSP(test.der, cert, root.Certificate(), now)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || got != (signed.Statement{}) {
					t.Errorf("got %+v and error %v, want an error with %q", got, err, test.err)
				}
				return
			}
			if err != nil || got.Status != test.want {
				t.Errorf("got %+v and error %v, want %v", got, err, test.want)
			}
		})
	}
}

// namesakeAnswer is signed by the authority, and speaks of a certificate of
// another one that has the same serial number.
func namesakeAnswer(t *testing.T, about, by *ssatest.Authority, cert *x509.Certificate) []byte {
	t.Helper()
	return by.OCSPAbout(t, about.Certificate(), cert)
}

// TestOCSPTogether: responses with several answers, and what stands beside them.
func TestOCSPTogether(t *testing.T) {
	root, stranger := ssatest.NewAuthority(t),
		ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Stranger"})
	cert, other := leafOf(t, root, nil), leafOf(t, root, nil)
	good := root.OCSP(t, cert, ssatest.OCSPAnswer{})
	revoked := root.OCSP(t, cert, ssatest.OCSPAnswer{Status: ocsp.Revoked, Reason: 1})
	unknown := root.OCSP(t, cert, ssatest.OCSPAnswer{Status: ocsp.Unknown})
	ended := root.OCSP(t, cert, ssatest.OCSPAnswer{To: time.Now().Add(-10 * time.Minute)})
	namesake := namesakeAnswer(t, stranger, root, cert)
	extension := func(critical bool, oid ...int) []pkix.Extension {
		return []pkix.Extension{{Id: oid, Critical: critical, Value: []byte{5, 0}}}
	}
	for _, test := range []struct {
		name       string
		answers    [][]byte
		extensions []pkix.Extension
		more       []byte
		want       signed.Status
		err        string
	}{
		{name: "one", answers: [][]byte{good}, want: signed.Good},
		{name: "good and revoked", answers: [][]byte{good, revoked}, want: signed.Revoked},
		{name: "revoked and good", answers: [][]byte{revoked, good}, want: signed.Revoked},
		{name: "good and unknown", answers: [][]byte{good, unknown}, want: signed.Unknown},
		{name: "good and ended", answers: [][]byte{good, ended}, err: "it expired on"},
		{name: "another, then this one", answers: [][]byte{root.OCSP(t, other, ssatest.OCSPAnswer{Status: ocsp.Revoked}), good}, want: signed.Good},
		{name: "a namesake, then this one", answers: [][]byte{namesake, revoked}, want: signed.Revoked},
		{name: "a namesake alone", answers: [][]byte{namesake}, err: "another authority"},
		{name: "an extension", answers: [][]byte{good}, extensions: extension(false, 1, 2, 3), want: signed.Good},
		{name: "a critical extension", answers: [][]byte{good}, extensions: extension(true, 1, 2, 3), err: "critical extension 1.2.3"},
		{name: "a critical nonce", answers: [][]byte{good}, extensions: extension(true, 1, 3, 6, 1, 5, 5, 7, 48, 1, 2), want: signed.Good},
		{name: "bytes behind", answers: [][]byte{good}, extensions: extension(false, 1, 2, 3), more: []byte{5, 0}, err: "malformed"},
	} {
		got, err := signed.OCSP(root.OCSPTogether(t, test.answers, test.extensions, test.more...), cert,
			root.Certificate(), time.Now())
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, %v; want an error with %q", test.name, got.Status, err, test.err)
			}
		case err != nil || got.Status != test.want:
			t.Errorf("%s: %v, %v; want %v", test.name, got.Status, err, test.want)
		}
	}
}

func TestTimestampsInOCSP(t *testing.T) {
	root := ssatest.NewAuthority(t)
	cert := leafOf(t, root, nil)
	value, err := asn1.Marshal([]byte("list"))
	if err != nil {
		t.Fatal(err)
	}
	extension := pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 5},
		Value: value}
	with := root.OCSP(t, cert, ssatest.OCSPAnswer{Extensions: []pkix.Extension{extension}})
	if got := signed.Timestamps(with, cert, root.Certificate()); string(got) != "list" {
		t.Errorf("got %q, want what is in the extension", got)
	}
	if got := signed.Timestamps(root.OCSP(t, cert, ssatest.OCSPAnswer{}), cert,
		root.Certificate()); got != nil {
		t.Errorf("got %q of a response without the extension", got)
	}
}

// FuzzOCSP: a response that the authority did not sign never says anything.
func FuzzOCSP(f *testing.F) {
	root := ssatest.NewAuthority(f)
	cert := leafOf(f, root, nil)
	now := time.Now()
	valid := map[string]bool{}
	for _, o := range []ssatest.OCSPAnswer{{}, {Status: ocsp.Revoked},
		{Responder: root.Responder(f, nil)}} {
		der := root.OCSP(f, cert, o)
		response, err := ocsp.ParseResponse(der, nil)
		if err != nil {
			f.Fatal(err)
		}
		valid[string(response.TBSResponseData)] = true
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		statement, err := signed.OCSP(der, cert, root.Certificate(), now)
		if err != nil {
			if statement != (signed.Statement{}) {
				t.Errorf("%+v came with the error %v", statement, err)
			}
			return
		}
		response, err := ocsp.ParseResponse(der, nil)
		if err != nil || !valid[string(response.TBSResponseData)] {
			t.Errorf("a response that nobody signed says %+v", statement)
		}
	})
}
