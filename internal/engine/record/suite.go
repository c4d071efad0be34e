package record

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// suite is what a cipher suite says of records.
type suite struct {
	hash   func() hash.Hash
	keyLen int
	aead   func(key []byte) (cipher.AEAD, error)
	// limit is how many records one key should protect, zero for no limit.
	limit uint64
}

// gcmLimit is below the 2^24.5 full records of RFC 8446, section 5.5.
const gcmLimit = 1 << 24

// suiteOf returns nil for a suite that is not of TLS 1.3 or not known here.
func suiteOf(id uint16) *suite {
	switch id {
	case tls.TLS_AES_128_GCM_SHA256:
		return &suite{sha256.New, 16, newGCM, gcmLimit}
	case tls.TLS_AES_256_GCM_SHA384:
		return &suite{sha512.New384, 32, newGCM, gcmLimit}
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		return &suite{sha256.New, chacha20poly1305.KeySize, chacha20poly1305.New, 0}
	}
	return nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expand is HKDF-Expand-Label without a context (RFC 8446, section 7.1).
func (s *suite) expand(secret []byte, label string, n int) ([]byte, error) {
	label = "tls13 " + label
	info := string([]byte{byte(n >> 8), byte(n), byte(len(label))}) + label + "\x00"
	out, err := hkdf.Expand(s.hash, secret, info, n)
	if err != nil {
		return nil, fmt.Errorf("deriving a key: %w", err)
	}
	return out, nil
}
