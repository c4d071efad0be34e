package ssatest_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestIssuedChainsVerify(t *testing.T) {
	root := ssatest.NewAuthority(t)
	for name, a := range map[string]*ssatest.Authority{
		"root":             root,
		"intermediate":     root.Intermediate(t),
		"two intermediate": root.Intermediate(t).Intermediate(t),
	} {
		issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, IPs: []net.IP{net.IPv6loopback}})
		pair, err := tls.X509KeyPair(issued.ChainPEM, issued.KeyPEM)
		if err != nil {
			t.Fatalf("%s: the PEM pair does not load: %v", name, err)
		}
		between := x509.NewCertPool()
		for _, der := range pair.Certificate[1:] {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			between.AddCert(c)
		}
		opts := x509.VerifyOptions{Roots: a.Pool(), Intermediates: between, DNSName: "a.example"}
		if _, err := issued.Leaf().Verify(opts); err != nil {
			t.Errorf("%s: a fresh certificate does not verify: %v", name, err)
		}
		opts.Roots = ssatest.NewAuthority(t).Pool()
		if _, err := issued.Leaf().Verify(opts); err == nil {
			t.Errorf("%s: the certificate verifies under an authority that did not issue it", name)
		}
	}
}

func TestFileModes(t *testing.T) {
	issued := ssatest.NewAuthority(t).Issue(t, ssatest.Leaf{})
	for path, want := range map[string]os.FileMode{
		issued.KeyFile(t): 0o600, issued.SharedKeyFile(t): 0o644, issued.ChainFile(t): 0o644,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}
