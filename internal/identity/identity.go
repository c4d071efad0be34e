// Package identity holds our own certificates and keys: it parses them from
// PEM, checks that a key belongs to its chain and picks the identity for a
// handshake. It never hands a key to anyone: outside this package a key exists
// only inside the tls.Certificate that crypto/tls signs with.
package identity

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// Identity is one certificate chain and its key, immutable.
type Identity struct {
	certificate tls.Certificate
	fingerprint [sha256.Size]byte
}

// Match finds the last chain whose leaf belongs to the key. Chains that have
// their key already should not be passed.
func Match(chains []Chain, key crypto.Signer) (*Identity, error) {
	if key == nil {
		return nil, errors.New("no private key was given")
	}
	if len(chains) == 0 {
		return nil, errors.New("the private key has no certificate chain: the chain must be set before its key")
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil, errors.New("a private key of this kind is not supported; RSA, ECDSA and Ed25519 keys are")
	}
	for i := len(chains) - 1; i >= 0; i-- {
		if leaf := chains[i].Leaf(); leaf != nil && public.Equal(leaf.PublicKey) {
			return newIdentity(chains[i], key), nil
		}
	}
	last := chains[len(chains)-1].Leaf()
	if len(chains) == 1 {
		return nil, fmt.Errorf("the private key (%s) does not belong to the certificate of %s", kindOf(key.Public()), describe(last))
	}
	return nil, fmt.Errorf("the private key (%s) belongs to none of the %d certificates given, the last of which is that of %s",
		kindOf(key.Public()), len(chains), describe(last))
}

func newIdentity(chain Chain, key crypto.Signer) *Identity {
	id := &Identity{certificate: tls.Certificate{PrivateKey: key, Leaf: chain.Leaf()}}
	hash := sha256.New()
	for _, cert := range chain.certificates {
		id.certificate.Certificate = append(id.certificate.Certificate, cert.Raw)
		// A certificate is DER, which tells its own length: no separator is needed.
		hash.Write(cert.Raw)
	}
	hash.Sum(id.fingerprint[:0])
	return id
}

// Leaf returns the certificate itself, which must not be changed.
func (id *Identity) Leaf() *x509.Certificate { return id.certificate.Leaf }

// Fingerprint is the SHA-256 of the chain. Whoever made an identity with a
// given fingerprint had the key.
func (id *Identity) Fingerprint() [sha256.Size]byte { return id.fingerprint }

// Names returns the host names and addresses of the certificate.
func (id *Identity) Names() []string {
	leaf := id.Leaf()
	names := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}
