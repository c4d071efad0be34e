// Package ssatest holds what the tests of several packages share: a throw-away
// certificate authority, misbehaving peers and checks for leaks. It is
// imported by tests only and never writes outside a test's own folder.
package ssatest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a certificate authority made for one test: a fresh ECDSA P-256
// key, valid from one day before now to one day after.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	// above are the authorities between this one and its root, nearest first,
	// without the root; a leaf's chain includes them.
	above []*x509.Certificate
	root  *x509.Certificate
}

// AuthorityOptions are the unusual things an authority can be.
type AuthorityOptions struct {
	Name                string   // common name, "SSA Test Root" if empty
	PermittedDNSDomains []string // name constraints, critical
	NotBefore, NotAfter time.Time
	NoIntermediates     bool // a path length of zero
	KeyUsages           []x509.ExtKeyUsage
	// Edit, when not nil, changes the template last.
	Edit func(*x509.Certificate)
}

// NewAuthority makes a root.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	return NewAuthorityWith(t, AuthorityOptions{})
}

// NewAuthorityWith makes a root with options.
func NewAuthorityWith(t testing.TB, opts AuthorityOptions) *Authority {
	t.Helper()
	key := ecdsaKey(t)
	template := authorityTemplate(t, opts, "SSA Test Root")
	certificate := sign(t, template, template, key.Public(), key)
	return &Authority{certificate: certificate, key: key, root: certificate}
}

// Intermediate makes an authority issued by this one. The chains of its leaves
// include it.
func (a *Authority) Intermediate(t testing.TB) *Authority {
	t.Helper()
	return a.IntermediateWith(t, AuthorityOptions{})
}

// IntermediateWith makes an intermediate with options.
func (a *Authority) IntermediateWith(t testing.TB, opts AuthorityOptions) *Authority {
	t.Helper()
	key := ecdsaKey(t)
	template := authorityTemplate(t, opts, "SSA Test Intermediate")
	certificate := sign(t, template, a.certificate, key.Public(), a.key)
	above := append([]*x509.Certificate{certificate}, a.above...)
	return &Authority{certificate: certificate, key: key, above: above, root: a.root}
}

// Certificate returns the authority's own certificate.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

// PEM returns the root's certificate, as a trust store would hold it.
func (a *Authority) PEM() []byte { return pemCertificate(a.root.Raw) }

// Pool returns a new pool with the root alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

// File writes the root's certificate to a file that every user may read.
func (a *Authority) File(t testing.TB) string {
	t.Helper()
	return writeFile(t, "root.pem", a.PEM(), 0o644)
}

func authorityTemplate(t testing.TB, opts AuthorityOptions, name string) *x509.Certificate {
	if opts.Name != "" {
		name = opts.Name
	}
	template := &x509.Certificate{
		SerialNumber:          serial(t),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-24 * time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign |
			x509.KeyUsageDigitalSignature,
		ExtKeyUsage:                 opts.KeyUsages,
		PermittedDNSDomains:         opts.PermittedDNSDomains,
		PermittedDNSDomainsCritical: len(opts.PermittedDNSDomains) > 0,
		MaxPathLen:                  -1,
	}
	if opts.NoIntermediates {
		template.MaxPathLen, template.MaxPathLenZero = 0, true
	}
	if !opts.NotBefore.IsZero() {
		template.NotBefore = opts.NotBefore
	}
	if !opts.NotAfter.IsZero() {
		template.NotAfter = opts.NotAfter
	}
	if opts.Edit != nil {
		opts.Edit(template)
	}
	return template
}

func ecdsaKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("generate a P-256 key: %v", err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, public, key any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatalf("sign the certificate of %q: %v", template.Subject, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("parse the certificate just signed for %q: %v", template.Subject, err)
	}
	return certificate
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		t.Fatalf("pick a serial number: %v", err)
	}
	return n.Add(n, big.NewInt(1))
}

func pemCertificate(ders ...[]byte) []byte {
	var out bytes.Buffer
	for _, der := range ders {
		// Writing to a bytes.Buffer cannot fail.
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return out.Bytes()
}

// writeFile writes a file into a fresh folder of the test. The folder may be
// entered by every user, since some tests run their programs as another one.
func writeFile(t testing.TB, name string, data []byte, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	// t.TempDir makes folders that only their owner may enter; so is the one above.
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatalf("open the test's folder: %v", err)
		}
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatalf("write %s: %v", name, err)
	}
	if err := os.Chmod(path, mode); err != nil { // regardless of the umask
		t.Fatalf("set the mode of %s: %v", name, err)
	}
	return path
}

// Renewed makes another certificate for this authority's name and key, issued
// by an authority.
func (a *Authority) Renewed(t testing.TB, by *Authority) *x509.Certificate {
	t.Helper()
	template := *a.certificate
	template.SerialNumber = serial(t)
	template.Raw, template.Extensions = nil, nil
	return sign(t, &template, by.certificate, a.key.Public(), by.key)
}
