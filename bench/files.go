//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"time"
)

// name is what certificates are for; address is where servers listen.
const (
	name    = "localhost"
	address = "127.0.0.1"
)

// policyText has the system's roots in use, as an administrator would, and the
// authority of this run besides.
const policyText = `default:
  trust:
    roots: [system, ca.pem]
  limits: {connections: 20000}
`

// writeFiles writes the policy, credentials, and the pages that are fetched.
func (l *lab) writeFiles() error {
	if err := os.WriteFile(l.path("policy.yaml"), []byte(policyText), 0o644); err != nil {
		return err
	}
	if err := os.Mkdir(l.path("www"), 0o755); err != nil {
		return err
	}
	for _, size := range []int64{0, 1 << 10, 1 << 20} {
		if err := l.page(size); err != nil {
			return err
		}
	}
	return l.writeCredentials()
}

// page makes a page of size bytes, named by its size, for web servers.
func (l *lab) page(size int64) error {
	return os.WriteFile(l.path("www/"+strconv.FormatInt(size, 10)), make([]byte, size), 0o644)
}

// writeCredentials makes an authority, an intermediate authority and a
// certificate, as public servers have them, all ECDSA P-256.
func (l *lab) writeCredentials() error {
	root, rootKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "bench root"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	if err != nil {
		return err
	}
	middle, middleKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "bench intermediate"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, root, rootKey)
	if err != nil {
		return err
	}
	leaf, leafKey, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, middle, middleKey)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		return err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	chain := append(certificatePEM(leaf), certificatePEM(middle)...)
	for _, f := range []struct {
		name string
		text []byte
		mode os.FileMode
	}{
		{"ca.pem", certificatePEM(root), 0o644},
		{"chain.pem", chain, 0o644},
		{"key.pem", keyPEM, 0o600},
		{"both.pem", append(keyPEM[:len(keyPEM):len(keyPEM)], chain...), 0o600}, // as hitch and HAProxy want it
	} {
		if err := os.WriteFile(l.path(f.name), f.text, f.mode); err != nil {
			return err
		}
	}
	return nil
}

func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// issue makes a certificate valid for a day; without a parent it signs itself.
func issue(template, parent *x509.Certificate,
	parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader,
		new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(24*time.Hour)
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, fmt.Errorf("sign %s: %w", template.Subject.CommonName, err)
	}
	c, err := x509.ParseCertificate(der)
	return c, key, err
}
