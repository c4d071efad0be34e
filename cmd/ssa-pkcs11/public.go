//go:build cgo

package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	p11 "github.com/miekg/pkcs11"
)

// publicOf finds the public key of a private one: in the private key itself,
// else in the public key or the certificate that the token has with the same
// identifier or, without one, the same label.
func (t *token) publicOf(private p11.ObjectHandle) (crypto.PublicKey, uint, error) {
	kind, err := t.number(private, p11.CKA_KEY_TYPE)
	if err != nil {
		return nil, 0, fmt.Errorf("ask what kind of key it is: %w", err)
	}
	if kind != p11.CKK_RSA && kind != p11.CKK_EC && kind != keyEdwards {
		return nil, 0, fmt.Errorf("keys of type 0x%x are not supported; RSA, ECDSA and Ed25519 keys are", kind)
	}
	if key, err := t.readPublic(private, kind); err == nil {
		return key, kind, nil
	}
	var link *p11.Attribute
	for _, by := range []uint{p11.CKA_ID, p11.CKA_LABEL} {
		if v, err := t.attribute(private, by); err == nil {
			link = p11.NewAttribute(by, v)
			break
		}
	}
	if link == nil {
		return nil, 0, errors.New("the private key has neither identifier nor label, so its public key cannot be found")
	}
	last := errors.New("the token has neither the public key nor the certificate with the same id: store one of them beside the private key")
	for _, class := range []uint{p11.CKO_PUBLIC_KEY, p11.CKO_CERTIFICATE} {
		found, err := t.search([]*p11.Attribute{p11.NewAttribute(p11.CKA_CLASS, class), link})
		if err != nil {
			return nil, 0, fmt.Errorf("look for the public key on the token: %w", err)
		}
		for _, o := range found {
			key, err := t.readObject(o, class, kind)
			if err == nil {
				return key, kind, nil
			}
			last = err
		}
	}
	return nil, 0, last
}

func (t *token) readObject(o p11.ObjectHandle, class, kind uint) (crypto.PublicKey, error) {
	if class == p11.CKO_CERTIFICATE {
		der, err := t.attribute(o, p11.CKA_VALUE)
		if err != nil {
			return nil, err
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("the certificate on the token: %w", err)
		}
		return cert.PublicKey, nil
	}
	if k, err := t.number(o, p11.CKA_KEY_TYPE); err != nil || k != kind {
		return nil, errors.New("the public key with the same id is of another kind")
	}
	return t.readPublic(o, kind)
}

// readPublic reads a public key from the attributes of an object.
func (t *token) readPublic(o p11.ObjectHandle, kind uint) (crypto.PublicKey, error) {
	first, second := uint(p11.CKA_EC_PARAMS), uint(p11.CKA_EC_POINT)
	if kind == p11.CKK_RSA {
		first, second = p11.CKA_MODULUS, p11.CKA_PUBLIC_EXPONENT
	}
	a, err := t.attribute(o, first)
	if err != nil {
		return nil, err
	}
	b, err := t.attribute(o, second)
	if err != nil {
		return nil, err
	}
	return publicKey(kind, a, b)
}

// publicKey makes a public key of what a token says of it.
func publicKey(kind uint, a, b []byte) (crypto.PublicKey, error) {
	switch kind {
	case p11.CKK_RSA:
		return rsaKey(a, b)
	case p11.CKK_EC:
		curve := curveOf(a)
		if curve == nil {
			return nil, errors.New("the curve of the key is not supported; P-256, P-384 and P-521 are")
		}
		return ecdsa.ParseUncompressedPublicKey(curve, unwrap(b, 1+2*((curve.Params().BitSize+7)/8)))
	}
	point := unwrap(b, ed25519.PublicKeySize)
	if len(point) != ed25519.PublicKeySize || !edwards25519(a) {
		return nil, errors.New("the Edwards curve of the key is not supported; Ed25519 is")
	}
	return ed25519.PublicKey(point), nil
}

func rsaKey(modulus, exponent []byte) (crypto.PublicKey, error) {
	const smallest, largest = 1024, 8192
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if bits := n.BitLen(); bits < smallest || bits > largest {
		return nil, fmt.Errorf("RSA keys of %d bits are not supported", bits)
	}
	if !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 || e.Bit(0) == 0 {
		return nil, errors.New("the public exponent of the RSA key is not supported")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

func curveOf(params []byte) elliptic.Curve {
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(params, &oid); err != nil || len(rest) > 0 {
		return nil
	}
	switch oid.String() {
	case "1.2.840.10045.3.1.7":
		return elliptic.P256()
	case "1.3.132.0.34":
		return elliptic.P384()
	case "1.3.132.0.35":
		return elliptic.P521()
	}
	return nil
}

// edwards25519 knows both names that tokens use for the curve.
func edwards25519(params []byte) bool {
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(params, &oid); err == nil && len(rest) == 0 {
		return oid.String() == "1.3.101.112"
	}
	return bytes.Equal(params, append([]byte{0x13, 12}, "edwards25519"...))
}

// unwrap takes a point out of its OCTET STRING, unless the token gives it bare.
func unwrap(b []byte, size int) []byte {
	var point []byte
	if rest, err := asn1.Unmarshal(b, &point); err == nil && len(rest) == 0 && len(point) == size {
		return point
	}
	return b
}

// number reads an attribute that is a CK_ULONG.
func (t *token) number(o p11.ObjectHandle, kind uint) (uint, error) {
	b, err := t.attribute(o, kind)
	switch {
	case err != nil:
		return 0, err
	case len(b) == 8:
		return uint(binary.NativeEndian.Uint64(b)), nil
	case len(b) == 4:
		return uint(binary.NativeEndian.Uint32(b)), nil
	}
	return 0, errors.New("the token returned no number")
}
