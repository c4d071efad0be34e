package signed_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// point encodes an issuing distribution point: a URI, and flags by tag.
func point(uri string, flags ...uint8) []pkix.Extension {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if uri != "" {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.Tag(6).ContextSpecific(),
						func(b *cryptobyte.Builder) { b.AddBytes([]byte(uri)) })
				})
			})
		}
		for _, flag := range flags {
			value := []byte{0xff}
			if flag == 3 {
				value = []byte{7, 0x80}
			}
			b.AddASN1(cbasn1.Tag(flag).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(value) })
		}
	})
	return []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true,
		Value: b.BytesOrPanic()}}
}

const here = "http://crl.example/1"

func TestList(t *testing.T) {
	now := time.Now()
	root, other := ssatest.NewAuthority(t), ssatest.NewAuthority(t)
	stranger := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Stranger"})
	cert := leafOf(t, root,
		func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://crl.example/0", here} })
	many := []*x509.Certificate{{SerialNumber: big.NewInt(1)}, cert,
		{SerialNumber: new(big.Int).Lsh(big.NewInt(1), 150)}}
	list := func(l ssatest.RevocationList) []byte { return root.RevocationList(t, l) }
	critical := func(oid ...int) []pkix.Extension {
		return []pkix.Extension{{Id: oid, Critical: true, Value: []byte{2, 1, 1}}}
	}
	for _, test := range []struct {
		name string
		data []byte
		want signed.Status
		err  string
	}{
		{name: "empty", data: list(ssatest.RevocationList{}), want: signed.Good},
		{name: "of others", data: list(ssatest.RevocationList{Revoked: many[:1]}), want: signed.Good},
		{name: "revoked", data: list(ssatest.RevocationList{Revoked: many, Reason: 4}), want: signed.Revoked},
		{name: "PEM", data: pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list(ssatest.RevocationList{Revoked: many})}), want: signed.Revoked},
		{name: "PEM of something else", data: root.PEM(), err: "not of X509 CRL"},
		{name: "for the leaf's point", data: list(ssatest.RevocationList{Extensions: point(here)}), want: signed.Good},
		{name: "for another point", data: list(ssatest.RevocationList{Extensions: point("http://crl.example/2")}), err: "not about this certificate"},
		{name: "for users", data: list(ssatest.RevocationList{Extensions: point("", 1), Revoked: many}), want: signed.Revoked},
		{name: "for authorities", data: list(ssatest.RevocationList{Extensions: point("", 2)}), err: "about certificates of authorities only"},
		{name: "for some reasons", data: list(ssatest.RevocationList{Extensions: point(here, 3)}), err: "for some reasons only"},
		{name: "indirect", data: list(ssatest.RevocationList{Extensions: point(here, 4)}), err: "it is an indirect list, which is not supported"},
		{name: "for attribute certificates", data: list(ssatest.RevocationList{Extensions: point("", 5)}), err: "attribute certificates"},
		{name: "delta", data: list(ssatest.RevocationList{Extensions: critical(2, 5, 29, 27)}), err: "it is a delta list, which is not supported"},
		{name: "critical extension", data: list(ssatest.RevocationList{Extensions: critical(1, 2, 3)}), err: "it has the critical extension 1.2.3"},
		{name: "critical extension of an entry", data: list(ssatest.RevocationList{Revoked: many[:1], Entry: critical(1, 2, 3)}), err: "critical extension 1.2.3"},
		{name: "of others' certificates", data: list(ssatest.RevocationList{Revoked: many, Entry: critical(2, 5, 29, 29)}), err: "it is an indirect list"},
		{name: "two lists", data: slices.Concat(crlPEM(list(ssatest.RevocationList{})), crlPEM(list(ssatest.RevocationList{}))), err: "more than one PEM block"},
		{name: "bytes behind the extensions", data: root.ResignList(t, list(ssatest.RevocationList{}), func(tbs []byte) []byte { return ssatest.Lengthened(t, tbs, 5, 0) }), err: "malformed"},
		{name: "a second list of entries", data: root.ResignList(t, list(ssatest.RevocationList{Revoked: many[:1]}), func(tbs []byte) []byte { return ssatest.Lengthened(t, tbs, 0x30, 0) }), err: "malformed"},
		{name: "bytes behind the signature", data: ssatest.Lengthened(t, list(ssatest.RevocationList{}), 5, 0), err: "malformed"},
		{name: "ended", data: list(ssatest.RevocationList{To: now.Add(-6 * time.Minute)}), err: "it expired on"},
		{name: "of the future", data: list(ssatest.RevocationList{From: now.Add(6 * time.Minute), To: now.Add(time.Hour)}), err: "it is valid only from"},
		{name: "of another authority of that name", data: other.RevocationList(t, ssatest.RevocationList{}), err: "it is not signed by the authority"},
		{name: "of another authority", data: stranger.RevocationList(t, ssatest.RevocationList{}), err: "it is of another authority"},
		{name: "cut off", data: list(ssatest.RevocationList{Revoked: many})[:300], err: "malformed"},
		{name: "more behind", data: append(list(ssatest.RevocationList{}), 0), err: "malformed"},
		{name: "nothing", err: "malformed"},
		{name: "too large", data: make([]byte, signed.MaxList+1), err: "more than 33554432"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := judge(test.data, cert, root.Certificate(), now)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %+v and error %v, want an error with %q", got, err, test.err)
				}
				return
			}
			if err != nil || got.Status != test.want {
				t.Errorf("got %+v and error %v, want %v", got, err, test.want)
			}
		})
	}
	signsNone := *root.Certificate()
	signsNone.KeyUsage = x509.KeyUsageCertSign
	if err := mustParse(t, list(ssatest.RevocationList{})).Verify(&signsNone); err == nil {
		t.Error("a list is accepted from an authority that must not sign any")
	}
}

func mustParse(t testing.TB, data []byte) *signed.List {
	t.Helper()
	l, err := signed.ParseList(data)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func judge(data []byte, cert, issuer *x509.Certificate, now time.Time) (signed.Statement, error) {
	l, err := signed.ParseList(data)
	if err == nil {
		err = l.Verify(issuer)
	}
	if err != nil {
		return signed.Statement{}, err
	}
	return l.Status(cert, now)
}

func crlPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL",
		Bytes: der})
}

// TestRevokedInAnyList: who is in a list is revoked, whatever the list cannot
// say of those who are not.
func TestRevokedInAnyList(t *testing.T) {
	now := time.Now()
	root := ssatest.NewAuthority(t)
	cert, other := leafOf(t, root, nil), leafOf(t, root, nil)
	name := asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true,
		Bytes: root.Certificate().RawSubject}
	full, err := asn1.Marshal(struct {
		Point struct {
			Full []asn1.RawValue `asn1:"tag:0"`
		} `asn1:"tag:0"`
	}{struct {
		Full []asn1.RawValue `asn1:"tag:0"`
	}{[]asn1.RawValue{name}}})
	if err != nil {
		t.Fatal(err)
	}
	delta := []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true,
		Value: []byte{2, 1, 1}}}
	for _, test := range []struct {
		name string
		list ssatest.RevocationList
	}{
		{"ended", ssatest.RevocationList{To: now.Add(-6 * time.Minute)}},
		{"of the future", ssatest.RevocationList{From: now.Add(6 * time.Minute), To: now.Add(time.Hour)}},
		{"delta", ssatest.RevocationList{Extensions: delta}},
		{"of a directory name", ssatest.RevocationList{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: full}}}},
		{"of another point", ssatest.RevocationList{Extensions: point("http://elsewhere.example/1")}},
		{"for some reasons", ssatest.RevocationList{Extensions: point(here, 3)}},
		{"indirect", ssatest.RevocationList{Extensions: point(here, 4)}},
		{"for authorities", ssatest.RevocationList{Extensions: point("", 2)}},
	} {
		test.list.Revoked = []*x509.Certificate{cert}
		list := root.RevocationList(t, test.list)
		if got, err := judge(list, cert, root.Certificate(), now); err != nil ||
			got.Status != signed.Revoked {
			t.Errorf("%s: a certificate in it is %v, %v", test.name, got.Status, err)
		}
		if got, err := judge(list, other, root.Certificate(), now); err == nil {
			t.Errorf("%s: another certificate is %v", test.name, got.Status)
		}
		if err := mustParse(t, list).Partial(now); (err == nil) != (test.name == "of another point" ||
			test.name == "for authorities") {
			t.Errorf("%s: partial: %v", test.name, err)
		}
	}
	back := root.RevocationList(t, ssatest.RevocationList{Extensions: delta,
		Revoked: []*x509.Certificate{cert}, Reason: 8})
	if got, err := judge(back, cert, root.Certificate(), now); err == nil {
		t.Errorf("a certificate that was taken out of the list is %v", got.Status)
	}
}

// TestSerialNumbers: numbers of another sign are others, however alike their
// bytes; zeros that say nothing make no difference.
func TestSerialNumbers(t *testing.T) {
	root := ssatest.NewAuthority(t)
	entry := func(serial ...byte) []byte {
		der := root.RevocationList(t, ssatest.RevocationList{})
		return root.ResignList(t, der, func(tbs []byte) []byte {
			input := cryptobyte.String(tbs)
			var fields, before cryptobyte.String
			if !input.ReadASN1(&fields, cbasn1.SEQUENCE) {
				t.Fatal("no list")
			}
			whole := fields
			for range 5 { // version, algorithm, issuer, two times
				if !fields.ReadAnyASN1(&before, new(cbasn1.Tag)) {
					t.Fatal("no list")
				}
			}
			var b cryptobyte.Builder
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(whole[:len(whole)-len(fields)])
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1(cbasn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(serial) })
						b.AddASN1UTCTime(time.Now().Add(-time.Hour))
					})
				})
				b.AddBytes(fields)
			})
			return b.BytesOrPanic()
		})
	}
	for _, test := range []struct {
		serial int64
		entry  []byte
		want   signed.Status
	}{
		{255, []byte{0, 0xff}, signed.Revoked},
		{255, []byte{0xff}, signed.Good},
		{255, []byte{0xff, 0xff}, signed.Good},
		{128, []byte{0x80}, signed.Good},
		{0xff80, []byte{0x80}, signed.Good},
		{0xff80, []byte{0, 0xff, 0x80}, signed.Revoked},
		{127, []byte{0, 0, 0x7f}, signed.Revoked},
		{0, []byte{0}, signed.Revoked},
	} {
		cert := &x509.Certificate{SerialNumber: big.NewInt(test.serial)}
		if got, err := judge(entry(test.entry...), cert, root.Certificate(), time.Now()); err != nil ||
			got.Status != test.want {
			t.Errorf("%d with an entry %x: %v, %v; want %v", test.serial, test.entry, got.Status,
				err, test.want)
		}
	}
}

// FuzzList compares with crypto/x509: what both accept has the same entries,
// and what is verified was signed.
func FuzzList(f *testing.F) {
	root := ssatest.NewAuthority(f)
	cert := leafOf(f, root, nil)
	now := time.Now()
	for _, l := range []ssatest.RevocationList{
		{}, {Revoked: []*x509.Certificate{cert}, Reason: 1}, {Extensions: point(here, 1)}, {Revoked: []*x509.Certificate{{SerialNumber: big.NewInt(0)}}},
	} {
		f.Add(root.RevocationList(f, l))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := signed.ParseList(data)
		if err != nil {
			if l != nil {
				t.Errorf("a list came with the error %v", err)
			}
			return
		}
		if block, _ := pem.Decode(data); block != nil {
			data = block.Bytes
		}
		whole, err := x509.ParseRevocationList(data)
		if err != nil {
			return // crypto/x509 is stricter in what it does not need of us
		}
		if l.Len() != len(whole.RevokedCertificateEntries) {
			t.Errorf("%d entries, crypto/x509 finds %d", l.Len(), len(whole.RevokedCertificateEntries))
		}
		if ours, theirs := l.Verify(root.Certificate()),
			whole.CheckSignatureFrom(root.Certificate()); ours == nil && theirs != nil {
			t.Errorf("a list is accepted that crypto/x509 refuses: %v", theirs)
		}
		for _, entry := range whole.RevokedCertificateEntries {
			if entry.SerialNumber.Sign() < 0 {
				continue
			}
			s, err := l.Status(&x509.Certificate{SerialNumber: entry.SerialNumber}, now)
			if err == nil && s.Status != signed.Revoked {
				t.Errorf("%v is in the list, and said to be %v", entry.SerialNumber, s.Status)
			}
		}
	})
}
