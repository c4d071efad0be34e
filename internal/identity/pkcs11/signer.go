package pkcs11

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// signer is a private key on a token.
type signer struct {
	client *Client
	uri    string
	public crypto.PublicKey
}

// Open returns a key on a token, which the owner of ssa-pkcs11 must have
// allowed. The key has proved by a signature that it can be used.
func (c *Client) Open(text string) (crypto.Signer, error) {
	where, err := uri.Parse(text)
	if err != nil {
		return nil, err
	}
	if err := c.waitThere(); err != nil {
		return nil, err
	}
	der, err := c.call(wire.Message{Kind: wire.Public, URI: where.String()})
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("the token's public key: %w", err)
	}
	s := &signer{client: c, uri: where.String(), public: public}
	return s, s.prove()
}

// Assume returns a key on a token whose public key is known and which another
// process has opened: nothing is asked now, so that the token need not be there
// before a signature is needed. Its signatures are checked like all others.
func (c *Client) Assume(text string, public crypto.PublicKey) (crypto.Signer, error) {
	where, err := uri.Parse(text)
	if err != nil {
		return nil, err
	}
	return &signer{client: c, uri: where.String(), public: public}, nil
}

// prove makes a signature that means nothing.
func (s *signer) prove() error {
	message := []byte("ssa: this key can be used")
	hash := sha256.Sum256(message)
	var err error
	switch s.public.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		_, err = s.Sign(nil, hash[:], crypto.SHA256)
	case ed25519.PublicKey:
		_, err = s.Sign(nil, message, crypto.Hash(0))
	default:
		return fmt.Errorf("keys of type %T are not supported", s.public)
	}
	return err
}

// Public returns the public key.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign signs with the token. Its randomness is the token's own.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	scheme, err := wire.SchemeFor(s.public, opts)
	if err != nil {
		return nil, err
	}
	if len(digest) > wire.MaxData {
		return nil, fmt.Errorf("%d bytes are too many to be signed by a token at once (at most %d)", len(digest), wire.MaxData)
	}
	signature, err := s.client.call(wire.Message{Kind: wire.Sign, URI: s.uri, Scheme: scheme,
		Data: digest})
	if err != nil {
		return nil, fmt.Errorf("sign with the key on the token: %w", err)
	}
	if !scheme.Verify(s.public, digest, signature) {
		return nil, errors.New("the token's signature is not one of the key that it had before")
	}
	return signature, nil
}
