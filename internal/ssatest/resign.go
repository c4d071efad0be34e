package ssatest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// Resign changes what is signed of a certificate, and signs it again, so that
// it is odd in a way that crypto/x509 does not write. The result is DER, or
// meant to be.
func (a *Authority) Resign(t testing.TB, cert *x509.Certificate,
	edit func(tbs []byte) []byte) []byte {
	t.Helper()
	return a.resign(t, cert.Raw, edit)
}

// ResignList does the same to a revocation list.
func (a *Authority) ResignList(t testing.TB, der []byte, edit func(tbs []byte) []byte) []byte {
	t.Helper()
	return a.resign(t, der, edit)
}

// resign changes a certificate or a list: both are three parts in a sequence.
func (a *Authority) resign(t testing.TB, der []byte, edit func(tbs []byte) []byte) []byte {
	t.Helper()
	input := cryptobyte.String(der)
	var outer, whole, algorithm cryptobyte.String
	if !input.ReadASN1(&outer, asn1.SEQUENCE) || !outer.ReadASN1Element(&whole, asn1.SEQUENCE) ||
		!outer.ReadASN1Element(&algorithm, asn1.SEQUENCE) {
		t.Fatal("sign again: it is malformed")
	}
	tbs := edit(append([]byte(nil), whole...))
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddBytes(algorithm)
		b.AddASN1BitString(a.signBytes(t, tbs))
	})
	return b.BytesOrPanic()
}

func (a *Authority) signBytes(t testing.TB, data []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(data)
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		t.Fatalf("sign again: %v", err)
	}
	return signature
}

// Lengthened appends bytes to what is in a sequence.
func Lengthened(t testing.TB, sequence []byte, more ...byte) []byte {
	t.Helper()
	input := cryptobyte.String(sequence)
	var content cryptobyte.String
	if !input.ReadASN1(&content, asn1.SEQUENCE) {
		t.Fatal("lengthen: it is no sequence")
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(content)
		b.AddBytes(more)
	})
	return b.BytesOrPanic()
}

// OCSPTogether signs one response with the answers of several, and extensions
// of the response itself; after them come more bytes.
func (a *Authority) OCSPTogether(t testing.TB, responses [][]byte, extensions []pkix.Extension,
	more ...byte) []byte {
	t.Helper()
	var b cryptobyte.Builder
	tagged := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tagged(1), func(b *cryptobyte.Builder) { b.AddBytes(a.certificate.RawSubject) })
		b.AddASN1GeneralizedTime(time.Now())
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, der := range responses {
				b.AddBytes(onlyAnswer(t, der))
			}
		})
		if len(extensions) > 0 {
			b.AddASN1(tagged(1), func(b *cryptobyte.Builder) { b.MarshalASN1(extensions) })
		}
		b.AddBytes(more)
	})
	data := b.BytesOrPanic()
	var basic cryptobyte.Builder
	basic.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(data)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier([]int{1, 2, 840, 10045, 4, 3, 2}) // ECDSA with SHA-256
		})
		b.AddASN1BitString(a.signBytes(t, data))
	})
	var out cryptobyte.Builder
	out.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0)
		b.AddASN1(tagged(0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier([]int{1, 3, 6, 1, 5, 5, 7, 48, 1, 1})
				b.AddASN1OctetString(basic.BytesOrPanic())
			})
		})
	})
	return out.BytesOrPanic()
}

// onlyAnswer returns the one answer in a response.
func onlyAnswer(t testing.TB, der []byte) []byte {
	t.Helper()
	response, err := ocsp.ParseResponse(der, nil)
	if err != nil {
		t.Fatalf("take an answer out: %v", err)
	}
	input := cryptobyte.String(response.TBSResponseData)
	var data, answers cryptobyte.String
	if !input.ReadASN1(&data, asn1.SEQUENCE) ||
		!data.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) ||
		!data.SkipOptionalASN1(asn1.Tag(1).ContextSpecific().Constructed()) ||
		!data.SkipOptionalASN1(asn1.Tag(2).ContextSpecific().Constructed()) ||
		!data.SkipASN1(asn1.GeneralizedTime) || !data.ReadASN1(&answers, asn1.SEQUENCE) {
		t.Fatal("take an answer out: it is malformed")
	}
	return answers
}

// UnknownCurve returns a certificate, DER, with a key on a curve that crypto/x509
// does not know, brainpoolP256r1: it stands for any other.
func (a *Authority) UnknownCurve(t testing.TB, l Leaf) []byte {
	t.Helper()
	cert := a.Issue(t, l).Leaf()
	known := []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7} // P-256
	unknown := []byte{6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7}     // brainpoolP256r1
	info := cryptobyte.String(cert.RawSubjectPublicKeyInfo)
	var fields cryptobyte.String
	if !info.ReadASN1(&fields, asn1.SEQUENCE) {
		t.Fatal("no key")
	}
	var algorithm, oid, key cryptobyte.String
	if !fields.ReadASN1(&algorithm, asn1.SEQUENCE) ||
		!algorithm.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) ||
		!fields.ReadASN1Element(&key, asn1.BIT_STRING) ||
		!bytes.Equal(algorithm, known) {
		t.Fatal("no key on P-256")
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(oid); b.AddBytes(unknown) })
		b.AddBytes(key)
	})
	return a.Resign(t, cert, func(tbs []byte) []byte {
		before, after, found := bytes.Cut(tbs, cert.RawSubjectPublicKeyInfo)
		if !found {
			t.Fatal("no key in the certificate")
		}
		var content cryptobyte.String
		whole := cryptobyte.String(slices.Concat(before, b.BytesOrPanic(), after))
		header := len(tbs) - len(tbsContent(t, tbs))
		content = whole[header:]
		var out cryptobyte.Builder
		out.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(content) })
		return out.BytesOrPanic()
	})
}

func tbsContent(t testing.TB, tbs []byte) []byte {
	t.Helper()
	input := cryptobyte.String(tbs)
	var content cryptobyte.String
	if !input.ReadASN1(&content, asn1.SEQUENCE) {
		t.Fatal("no certificate")
	}
	return content
}

// LargeKey returns a certificate, DER, with an RSA key of a size that nobody has
// the patience to make: its modulus is any number, and nobody has the key.
func (a *Authority) LargeKey(t testing.TB, bits int) []byte {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	public := &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
	template := Leaf{Subject: "large"}.template(t)
	return sign(t, template, a.certificate, public, a.key).Raw
}
