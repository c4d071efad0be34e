package trust

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/url"
	"strings"
	"testing"
	"unicode"
)

func rawSubject(t testing.TB, sequence pkix.RDNSequence) []byte {
	t.Helper()
	der, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

var (
	commonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	organization = asn1.ObjectIdentifier{2, 5, 4, 10}
)

func one(oid asn1.ObjectIdentifier, value any) pkix.RelativeDistinguishedNameSET {
	return pkix.RelativeDistinguishedNameSET{{Type: oid, Value: value}}
}

func TestClientIdentity(t *testing.T) {
	for _, tc := range []struct {
		name    string
		subject pkix.RDNSequence
		leaf    x509.Certificate
		want    string
		err     string
	}{
		{name: "subject", subject: pkix.RDNSequence{one(organization, "Example"), one(commonName, "alice")}, want: "CN=alice,O=Example"},
		{name: "two names", subject: pkix.RDNSequence{one(commonName, "alice"), one(commonName, "root")}, want: "CN=root,CN=alice"},
		{name: "two names in one", subject: pkix.RDNSequence{{{Type: commonName, Value: "alice"}, {Type: organization, Value: "x"}}}, want: "O=x+CN=alice"},
		{name: "separators", subject: pkix.RDNSequence{one(commonName, "alice,O=Example")}, want: `CN=alice\,O=Example`},
		{name: "what does not print", subject: pkix.RDNSequence{one(commonName, "ali\x00ce\u200b\n\\")}, want: `CN=ali\00ce\E2\80\8B\0A\\`},
		{name: "long", subject: pkix.RDNSequence{one(commonName, strings.Repeat("a", 1100))},
			err: "the subject of the client's certificate has more than 1024 bytes"},
		{name: "URI", leaf: x509.Certificate{URIs: []*url.URL{{Scheme: "spiffe", Host: "example", Path: "/alice"}}, DNSNames: []string{"alice.example"}},
			want: "URI:spiffe://example/alice"},
		{name: "e-mail", leaf: x509.Certificate{EmailAddresses: []string{"alice@example"}}, want: "email:alice@example"},
		{name: "host name", leaf: x509.Certificate{DNSNames: []string{"CN=alice"}}, want: "DNS:CN=alice"},
		{name: "nobody", err: "the client's certificate names nobody: it has neither a subject nor an alternative name"},
		{name: "malformed", leaf: x509.Certificate{RawSubject: []byte{0x30, 0x01}}, err: "the subject of the client's certificate is malformed: read the subject: asn1: syntax error: data truncated"},
		{name: "more behind", leaf: x509.Certificate{RawSubject: []byte{0x30, 0, 0}}, err: "the subject of the client's certificate is malformed: 1 bytes follow the subject"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.leaf.RawSubject == nil {
				tc.leaf.RawSubject = rawSubject(t, tc.subject)
			}
			got, err := clientIdentity(&tc.leaf)
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Errorf("got %q and error %v, want error %q", got, err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Errorf("got %q and error %v, want %q", got, err, tc.want)
			}
		})
	}
}

// Two different subjects never look the same, and what is shown prints.
func FuzzClientIdentity(f *testing.F) {
	f.Add("alice", "alice,O=Example", "Example", "")
	f.Add("a\x00", "a", "", "\\00")
	f.Add("a\xff", "a\ufffd", "#", " ")
	f.Add("+", "\\+", "a\\", "a")
	f.Fuzz(func(t *testing.T, name1, org1, name2, org2 string) {
		var texts [2]string
		var raw [2]string
		for i, pair := range [2][2]string{{name1, org1}, {name2, org2}} {
			der, err := asn1.Marshal(pkix.RDNSequence{one(organization, pair[1]), one(commonName, pair[0])})
			if err != nil {
				return // not a string that a certificate can have
			}
			raw[i] = string(der)
			if texts[i], err = clientIdentity(&x509.Certificate{RawSubject: der}); err != nil {
				return // refused
			}
			if texts[i] == "" ||
				strings.ContainsFunc(texts[i], func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("the identity %q does not print", texts[i])
			}
		}
		// One text may be encoded as several types of string.
		if texts[0] == texts[1] && raw[0] != raw[1] && (name1 != name2 || org1 != org2) {
			t.Errorf("%q and %q are both %q", raw[0], raw[1], texts[0])
		}
	})
}
