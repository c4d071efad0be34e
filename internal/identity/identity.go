// Package identity holds our own certificates and keys: it parses them from
// PEM, checks that a key belongs to its chain and picks the identity for a
// handshake. It never hands a key to anyone: only a crypto.Signer inside.
package identity

import "crypto/tls"

// Identity is one certificate chain and its key, immutable.
type Identity struct {
	certificate tls.Certificate
}
