package wire

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
)

// Scheme is how something is signed.
type Scheme uint8

// The schemes. All but Ed25519 sign a hash.
const (
	PKCS1WithSHA256 Scheme = 1
	PKCS1WithSHA384 Scheme = 2
	PKCS1WithSHA512 Scheme = 3
	PSSWithSHA256   Scheme = 4 // the salt is as long as the hash
	PSSWithSHA384   Scheme = 5
	PSSWithSHA512   Scheme = 6
	ECDSAWithSHA256 Scheme = 7
	ECDSAWithSHA384 Scheme = 8
	ECDSAWithSHA512 Scheme = 9
	Ed25519         Scheme = 10
)

var hashes = map[Scheme]crypto.Hash{
	PKCS1WithSHA256: crypto.SHA256, PKCS1WithSHA384: crypto.SHA384, PKCS1WithSHA512: crypto.SHA512,
	PSSWithSHA256: crypto.SHA256, PSSWithSHA384: crypto.SHA384, PSSWithSHA512: crypto.SHA512,
	ECDSAWithSHA256: crypto.SHA256, ECDSAWithSHA384: crypto.SHA384, ECDSAWithSHA512: crypto.SHA512,
}

// Hash returns the hash that is signed, 0 for Ed25519.
func (s Scheme) Hash() crypto.Hash { return hashes[s] }

// RSA, PSS and ECDSA say of which family a scheme is.
func (s Scheme) RSA() bool   { return s >= PKCS1WithSHA256 && s <= PSSWithSHA512 }
func (s Scheme) PSS() bool   { return s >= PSSWithSHA256 && s <= PSSWithSHA512 }
func (s Scheme) ECDSA() bool { return s >= ECDSAWithSHA256 && s <= ECDSAWithSHA512 }

// check says whether data is what the scheme signs.
func (s Scheme) check(data []byte) error {
	hash := s.Hash()
	switch {
	case hash == 0 && s != Ed25519:
		return fmt.Errorf("signature scheme %d is not known", s)
	case hash != 0 && len(data) != hash.Size():
		return fmt.Errorf("a hash of %d bytes is not one of %s", len(data), hash)
	}
	return nil
}

// SchemeFor returns the scheme that crypto.Signer's options mean for a key.
func SchemeFor(public crypto.PublicKey, opts crypto.SignerOpts) (Scheme, error) {
	first := Scheme(0)
	switch public.(type) {
	case *rsa.PublicKey:
		first = PKCS1WithSHA256
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			first = PSSWithSHA256
			if n := pss.SaltLength; n != rsa.PSSSaltLengthEqualsHash && n != opts.HashFunc().Size() {
				return 0, fmt.Errorf("a salt of length %d is not supported with keys on tokens", n)
			}
		}
	case *ecdsa.PublicKey:
		first = ECDSAWithSHA256
	case ed25519.PublicKey:
		if o, ok := opts.(*ed25519.Options); opts.HashFunc() != 0 || ok && o.Context != "" {
			return 0, fmt.Errorf("with Ed25519, only whole messages are signed, not hashes")
		}
		return Ed25519, nil
	default:
		return 0, fmt.Errorf("keys of type %T are not supported", public)
	}
	for s := first; s < first+3; s++ {
		if s.Hash() == opts.HashFunc() {
			return s, nil
		}
	}
	return 0, fmt.Errorf("signing a hash of %v is not supported with keys on tokens", opts.HashFunc())
}

// Verify says whether a signature is right. A module that is faulty, or whose
// token now holds another key, is found out before a peer sees its work.
func (s Scheme) Verify(public crypto.PublicKey, data, signature []byte) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if s.PSS() {
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(public, s.Hash(), data, signature, opts) == nil
		}
		return s.RSA() && rsa.VerifyPKCS1v15(public, s.Hash(), data, signature) == nil
	case *ecdsa.PublicKey:
		return s.ECDSA() && ecdsa.VerifyASN1(public, data, signature)
	case ed25519.PublicKey:
		return s == Ed25519 && ed25519.Verify(public, data, signature)
	}
	return false
}
