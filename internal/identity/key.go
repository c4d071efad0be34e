package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
)

// maxKeyDER is the size of an RSA key of 8192 bits, the largest that peers
// accept, and some more. Checking a key takes time that grows with the cube of
// its size (seconds at three times this), and a program chooses the key.
const maxKeyDER = 5 << 10

// ParseKey reads the first private key from PEM: PKCS #8, PKCS #1 or SEC 1.
// Other blocks are passed over. The key is RSA, ECDSA or Ed25519.
func ParseKey(data []byte) (crypto.Signer, error) {
	if len(data) > maxPEM {
		return nil, tooLong(len(data), maxPEM)
	}
	others := map[string]bool{}
	blocks, err := Blocks(data)
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		parse := keyParser(block.Type)
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", parse != nil && block.Headers["DEK-Info"] != "":
			return nil, errEncrypted
		case parse == nil:
			others[clean(block.Type)] = true
			continue
		case len(block.Bytes) > maxKeyDER:
			return nil, fmt.Errorf("a private key of %d bytes is too long (at most %d)", len(block.Bytes), maxKeyDER)
		}
		key, err := parse(block.Bytes)
		if err != nil {
			if bytes.Contains(block.Bytes, rsaPSS) {
				return nil, errRSAPSS
			}
			// The error of crypto/x509 has no key material in it.
			return nil, fmt.Errorf("the private key is malformed: %w", err)
		}
		return signer(key)
	}
	return nil, nothingFound("private key", data, others)
}

// rsaPSS is the identifier of keys for RSA-PSS alone, 1.2.840.113549.1.1.10.
var rsaPSS = []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 0xa}

var errRSAPSS = errors.New("RSA-PSS keys (id-RSASSA-PSS) are not supported; use a plain RSA key, which makes RSA-PSS signatures all the same")

func keyParser(blockType string) func([]byte) (any, error) {
	switch blockType {
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey
	case "RSA PRIVATE KEY":
		return func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) }
	case "EC PRIVATE KEY":
		return func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) }
	}
	return nil
}

func signer(key any) (crypto.Signer, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return key, nil
	case *ecdsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, errors.New("a private key of this kind cannot sign a handshake; RSA, ECDSA and Ed25519 keys can")
}

// kindOf describes a public key, for messages.
func kindOf(public crypto.PublicKey) string {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", public.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA, " + public.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "of a kind that is not supported"
}
