package ssatest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"testing"
	"time"
)

// Leaf describes an end-entity certificate. The zero value is a server
// certificate for no name at all, valid now, with an ECDSA P-256 key.
type Leaf struct {
	Names     []string // DNS names
	IPs       []net.IP
	Subject   string             // common name
	NotBefore time.Time          // an hour ago if zero
	NotAfter  time.Time          // in twelve hours if zero
	Client    bool               // for client authentication instead of servers
	Usages    []x509.ExtKeyUsage // replaces what Client says, when not nil
	RSA       int                // bits of an RSA key; 0 is ECDSA
	Ed25519   bool               // an Ed25519 key instead
	Curve     elliptic.Curve     // of an ECDSA key; nil is P-256
	// Signature overrides how the authority signs; only for algorithms the
	// authority's key can do.
	Signature x509.SignatureAlgorithm
	// Edit, when not nil, changes the template last.
	Edit func(*x509.Certificate)
}

// Issued is a certificate with its chain and key.
type Issued struct {
	// ChainPEM is the leaf and the intermediates, without the root.
	ChainPEM []byte
	// KeyPEM is the key, PKCS #8.
	KeyPEM []byte
	// TLS is the same, for crypto/tls.
	TLS tls.Certificate
}

// Issue issues a certificate.
func (a *Authority) Issue(t testing.TB, l Leaf) *Issued {
	t.Helper()
	key := l.key(t)
	certificate := sign(t, l.template(t), a.certificate, key.Public(), a.key)
	chain := [][]byte{certificate.Raw}
	for _, c := range a.above {
		chain = append(chain, c.Raw)
	}
	return issued(t, certificate, chain, key)
}

// SelfSigned makes a certificate that is signed by its own key.
func SelfSigned(t testing.TB, l Leaf) *Issued {
	t.Helper()
	key := l.key(t)
	template := l.template(t)
	certificate := sign(t, template, template, key.Public(), key)
	return issued(t, certificate, [][]byte{certificate.Raw}, key)
}

// Leaf returns the certificate itself.
func (i *Issued) Leaf() *x509.Certificate { return i.TLS.Leaf }

// ChainFile writes the chain to a file that every user may read.
func (i *Issued) ChainFile(t testing.TB) string {
	t.Helper()
	return writeFile(t, "chain.pem", i.ChainPEM, 0o644)
}

// KeyFile writes the key to a file that only its owner may read.
func (i *Issued) KeyFile(t testing.TB) string {
	t.Helper()
	return writeFile(t, "key.pem", i.KeyPEM, 0o600)
}

// SharedKeyFile writes the key to a file that every user may read, for tests
// that run a server as another user. The key is worth nothing outside the test.
func (i *Issued) SharedKeyFile(t testing.TB) string {
	t.Helper()
	return writeFile(t, "key.pem", i.KeyPEM, 0o644)
}

func (l Leaf) key(t testing.TB) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch {
	case l.RSA > 0:
		key, err = rsa.GenerateKey(rand.Reader, l.RSA)
	case l.Ed25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case l.Curve != nil:
		key, err = ecdsa.GenerateKey(l.Curve, rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatalf("generate a key for %v: %v", l.Names, err)
	}
	return key
}

func (l Leaf) template(t testing.TB) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber:          serial(t),
		Subject:               pkix.Name{CommonName: l.Subject},
		DNSNames:              l.Names,
		IPAddresses:           l.IPs,
		NotBefore:             l.NotBefore,
		NotAfter:              l.NotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		SignatureAlgorithm:    l.Signature,
	}
	if l.Client {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if l.Usages != nil {
		template.ExtKeyUsage = l.Usages
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(12 * time.Hour)
	}
	if l.Edit != nil {
		l.Edit(template)
	}
	return template
}

func issued(t testing.TB, leaf *x509.Certificate, chain [][]byte, key crypto.Signer) *Issued {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatalf("marshal the key of %q: %v", leaf.Subject, err)
	}
	return &Issued{
		ChainPEM: pemCertificate(chain...),
		KeyPEM:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		TLS:      tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf},
	}
}
