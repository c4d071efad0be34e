package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// Handover returns an identity that a program brought, for the service to use
// in its place: PEM, the chain and then the key, which FromHandover reads. The
// caller clears it after use. Keys that are not in memory cannot be had.
func (id *Identity) Handover() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(id.certificate.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("handing a key over to the service: %w", err)
	}
	defer clear(key)
	var out bytes.Buffer
	for _, der := range id.certificate.Certificate {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	defer clear(text)
	out.Write(text)
	return out.Bytes(), nil
}

// FromHandover reads what Handover made, or any PEM with a chain, leaf first,
// and its key.
func FromHandover(data []byte) (*Identity, error) {
	chain, err := ParseChain(data)
	if err != nil {
		return nil, err
	}
	key, err := ParseKey(data)
	if err != nil {
		return nil, err
	}
	return Match([]Chain{chain}, key)
}
