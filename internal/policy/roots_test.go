package policy

import (
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestRootFiles: what is wrong with a file of a folder leaves that one out, and
// is told; what is wrong with a file that was named is a problem.
func TestRootFiles(t *testing.T) {
	a, b := ssatest.NewAuthority(t), ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "B"})
	unknown := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: a.UnknownCurve(t, ssatest.Leaf{Subject: "curve"})})
	file := func(parts ...[]byte) *fstest.MapFile {
		f := &fstest.MapFile{Mode: 0o644}
		for _, part := range parts {
			f.Data = append(f.Data, part...)
		}
		return f
	}
	files := fstest.MapFS{
		"r/1-dangling":  {Data: []byte("nowhere"), Mode: fs.ModeSymlink | 0o777},
		"r/2-der":       file(a.Certificate().Raw),
		"r/3-pipe":      {Mode: fs.ModeNamedPipe | 0o644},
		"r/4-curve.pem": file(unknown),
		"r/5-both.pem":  file(unknown, a.PEM()),
		"r/6-cut.pem":   file(b.PEM()[:99]),
		"r/7-readme":    file([]byte("read me")),
		"r/8-mark.pem":  file([]byte("\ufeff"), b.PEM()),
		"r/folder":      {Mode: fs.ModeDir | 0o755},
		"bad/cut.pem":   file(b.PEM()[:99]),
	}
	load := func(roots string) (*Policy, error) {
		files["etc/p.yaml"] = file([]byte("default: {trust: {roots: [" + roots + "]}}\n"))
		return Options{Files: source{files}}.Load("/etc/p.yaml")
	}
	p, err := load("/r")
	if err != nil {
		t.Fatal(err)
	}
	if named, _ := p.Default().NamedRoots(); len(named) != 2 || !named[0].Equal(a.Certificate()) ||
		!named[1].Equal(b.Certificate()) {
		t.Errorf("%d roots", len(named))
	}
	wantWarnings(t, p.Warnings(), "left out: /r/1-dangling: ", "no certificate in /r/2-der: this looks like DER",
		"left out: /r/3-pipe: not a regular file",
		"left out: certificate 1 of /r/4-curve.pem: x509: unsupported elliptic curve", "/r/6-cut.pem: PEM block 1 is damaged", "/r/7-readme",
		"left out: certificate 1 of /r/5-both.pem")
	if p, err = load("/r/5-both.pem, /r/8-mark.pem"); err != nil {
		t.Fatal(err)
	}
	wantWarnings(t, p.Warnings(), "left out: certificate 1 of /r/5-both.pem")
	for _, wrong := range []string{"/r/1-dangling", "/r/2-der", "/r/3-pipe", "/r/4-curve.pem",
		"/r/6-cut.pem", "/r/7-readme", "/bad"} {
		if _, err := load(wrong); err == nil {
			t.Errorf("%s alone is accepted", wrong)
		}
	}
}

// TestConstrainedSystemRoot: a system's root with critical name constraints of
// a kind that crypto/x509 does not know is as good as others.
func TestConstrainedSystemRoot(t *testing.T) {
	plain := ssatest.NewAuthority(t)
	constrained := ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Constrained",
		Edit: func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example"}, true
		}})
	files := fstest.MapFS{"etc/ssl/certs/ca-certificates.crt": {Data: append(append([]byte("\ufeff"),
		constrained.PEM()...), plain.PEM()...)}}
	pool := (&systemStore{files: files}).load()
	for _, authority := range []*ssatest.Authority{plain, constrained} {
		leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.elsewhere"}}).Leaf()
		// What the constraints say is not for crypto/x509 to judge.
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: time.Now()}); err != nil {
			t.Errorf("%s: %v", authority.Certificate().Subject, err)
		}
	}
}
