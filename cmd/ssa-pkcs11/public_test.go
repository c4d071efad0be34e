//go:build cgo

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"testing"

	p11 "github.com/miekg/pkcs11"
)

func der(t testing.TB, value any) []byte {
	t.Helper()
	b, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPublicKey: tokens say the same in several ways.
func TestPublicKey(t *testing.T) {
	edKey, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edOID, edName := der(t, asn1.ObjectIdentifier{1, 3, 101, 112}),
		append([]byte{0x13, 12}, "edwards25519"...)
	modulus := new(big.Int).Lsh(big.NewInt(1), 2047).Bytes()
	for _, tc := range []struct {
		kind uint
		a, b []byte
		want string // of the error
	}{
		{keyEdwards, edOID, der(t, []byte(edKey)), ""},
		{keyEdwards, edOID, edKey, ""},
		{keyEdwards, edName, edKey, ""},
		{keyEdwards, edName, edKey[1:], "the Edwards curve of the key is not supported"},
		{keyEdwards, der(t, asn1.ObjectIdentifier{1, 3, 101, 113}), edKey, "the Edwards curve of the key is not supported"},
		{p11.CKK_RSA, modulus, []byte{1, 0, 1}, ""},
		{p11.CKK_RSA, append([]byte{0}, modulus...), []byte{0, 1, 0, 1}, ""},
		{p11.CKK_RSA, modulus[:100], []byte{1, 0, 1}, "RSA keys of 800 bits"},
		{p11.CKK_RSA, make([]byte, 256), []byte{1, 0, 1}, "RSA keys of 0 bits"},
		{p11.CKK_RSA, append(modulus, make([]byte, 1024)...), []byte{1, 0, 1}, "RSA keys of 10240 bits"},
		{p11.CKK_RSA, modulus, []byte{2}, "public exponent"},
		{p11.CKK_RSA, modulus, []byte{1, 0, 0}, "public exponent"},
		{p11.CKK_RSA, modulus, make([]byte, 300), "public exponent"},
		{p11.CKK_RSA, modulus, append([]byte{1}, make([]byte, 8)...), "public exponent"},
	} {
		_, err := publicKey(tc.kind, tc.a, tc.b)
		if err == nil && tc.want != "" ||
			err != nil && (tc.want == "" || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%d, %.20x, %.20x: %v, want %q", tc.kind, tc.a, tc.b, err, tc.want)
		}
	}
	for oid, curve := range map[string]elliptic.Curve{
		"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07": elliptic.P256(),
		"\x06\x05\x2b\x81\x04\x00\x22":             elliptic.P384(),
		"\x06\x05\x2b\x81\x04\x00\x23":             elliptic.P521(),
	} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{point, der(t, point)} {
			if got, err := publicKey(p11.CKK_EC, []byte(oid), b); err != nil || !key.PublicKey.Equal(got) {
				t.Errorf("%x of %s: %v, %v", b, curve.Params().Name, got, err)
			}
		}
		point[len(point)-1] ^= 1
		if got, err := publicKey(p11.CKK_EC, []byte(oid), point); err == nil {
			t.Errorf("a point that is not on %s is %v", curve.Params().Name, got)
		}
	}
	_, err = publicKey(p11.CKK_EC, der(t, asn1.ObjectIdentifier{1, 3, 132, 0, 33}), nil)
	fails(t, err, "the curve of the key is not supported")
}

// FuzzPublicKey: what a token says makes a key that TLS has a form for, or an
// error.
func FuzzPublicKey(f *testing.F) {
	f.Add(uint8(0), make([]byte, 128), []byte{1, 0, 1})
	f.Add(uint8(1), der(f, asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}), []byte{4, 65})
	f.Add(uint8(2), der(f, asn1.ObjectIdentifier{1, 3, 101, 112}), make([]byte, 32))
	f.Fuzz(func(t *testing.T, kind uint8, a, b []byte) {
		key, err := publicKey([]uint{p11.CKK_RSA, p11.CKK_EC, keyEdwards}[kind%3], a, b)
		if err != nil {
			return
		}
		bytes, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatalf("%v: %v", key, err)
		}
		again, err := x509.ParsePKIXPublicKey(bytes)
		if err != nil || !key.(interface{ Equal(crypto.PublicKey) bool }).Equal(again) {
			t.Fatalf("%v became %v, %v", key, again, err)
		}
		if k, ok := key.(*rsa.PublicKey); ok && (k.N.BitLen() > 8192 || k.E < 3) {
			t.Fatalf("a key of %d bits, %d", k.N.BitLen(), k.E)
		}
	})
}

// FuzzSignature: two numbers stay what they are.
func FuzzSignature(f *testing.F) {
	f.Add([]byte{1, 2})
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, raw []byte) {
		signature, err := derSignature(raw)
		if (err == nil) != (len(raw) > 0 && len(raw)%2 == 0) {
			t.Fatalf("%d bytes: %v", len(raw), err)
		}
		if err != nil {
			return
		}
		var got struct{ R, S *big.Int }
		rest, err := asn1.Unmarshal(signature, &got)
		size := len(raw) / 2
		if err != nil || len(rest) > 0 ||
			fmt.Sprintf("%x", append(got.R.FillBytes(make([]byte, size)),
				got.S.FillBytes(make([]byte, size))...)) != fmt.Sprintf("%x", raw) {
			t.Fatalf("%x became %x (%v, %v), %v", raw, signature, got.R, got.S, err)
		}
	})
}
