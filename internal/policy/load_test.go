package policy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// writeFiles makes a folder with the given files.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func newAuthority(t *testing.T, name string) *ssatest.Authority {
	return ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: name})
}

func TestLoadSystemWithoutFiles(t *testing.T) {
	for _, files := range []map[string]string{{}, {"etc/ssa/other": ""},
		{"etc/ssa/policy.d/README": "x: ["}, {"etc/ssa/policy.yaml": "# nothing\n"}} {
		p, err := LoadSystem(writeFiles(t, files))
		if err != nil {
			t.Errorf("with files %v: %v", files, err)
			continue
		}
		sameSettings(t, p.Default(), Builtin().Default())
	}
}

func TestLoadSystemMergesInOrder(t *testing.T) {
	root := writeFiles(t, map[string]string{
		"etc/ssa/policy.yaml":             "default:\n  versions: {min: '1.3'}\n  cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256]\n",
		"etc/ssa/policy.d/20-b.yaml":      "default: {versions: {min: '1.2', max: '1.2'}}\n",
		"etc/ssa/policy.d/10-a.yaml":      "default: {versions: {min: '1.3', max: '1.3'}}\n",
		"etc/ssa/policy.d/.30-c.yaml":     "not: [valid\n",
		"etc/ssa/policy.d/30-c.yaml.save": "not: [valid\n",
	})
	p, err := LoadSystem(root)
	if err != nil {
		t.Fatal(err)
	}
	e := p.Default()
	if e.MinVersion != tls.VersionTLS12 || e.MaxVersion != tls.VersionTLS12 ||
		len(e.CipherSuites) != 1 {
		t.Errorf("got versions %#x to %#x and suites %v, want 0x303 to 0x303 and one", e.MinVersion, e.MaxVersion, e.CipherSuites)
	}
	if got, want := e.Origin("versions.min").String(),
		filepath.Join(root, "etc/ssa/policy.d/20-b.yaml")+":1:27"; got != want {
		t.Errorf("versions.min is from %s, want %s", got, want)
	}
	if got, want := e.Origin("cipher_suites").String(),
		filepath.Join(root, "etc/ssa/policy.yaml")+":3:18"; got != want {
		t.Errorf("cipher_suites is from %s, want %s", got, want)
	}
	if got := e.Origin("trust.roots").String(); got != "the built-in default" {
		t.Errorf("trust.roots is from %s, want the built-in default", got)
	}
}

func TestLoadSystemReportsAllFiles(t *testing.T) {
	root := writeFiles(t, map[string]string{
		"etc/ssa/policy.yaml":     "defaults: {}\n",
		"etc/ssa/policy.d/a.yaml": "default: {versions: {min: '1.0'}}\n",
		"etc/ssa/policy.d/b.yaml": "default: {}\n",
	})
	p, err := LoadSystem(root)
	var problems *Error
	if p != nil || !errors.As(err, &problems) || len(problems.Problems) != 2 {
		t.Fatalf("got policy %v and error %v, want a problem in each of two files", p, err)
	}
}

func TestLoadSystemRefusesFilesOfEveryone(t *testing.T) {
	root := writeFiles(t, map[string]string{"etc/ssa/policy.yaml": ""})
	if err := os.Chmod(filepath.Join(root, "etc/ssa/policy.yaml"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSystem(root); err == nil ||
		!strings.Contains(err.Error(), "may be written by everyone") {
		t.Errorf("a file that everyone may write gave %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file gave %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder gave %v", err)
	}
	root := writeFiles(t, map[string]string{"big.yaml": strings.Repeat("#\n", maxFileSize)})
	if _, err := Load(filepath.Join(root, "big.yaml")); err == nil ||
		!strings.Contains(err.Error(), "at most 1048576 are allowed") {
		t.Errorf("a file of two MiB gave %v", err)
	}
	if _, err := Parse("deep.yaml",
		[]byte("default: "+strings.Repeat("[", maxFileSize-100))); err == nil {
		t.Error("a million open brackets were accepted")
	}
}

func TestRootsOfFilesAndFolders(t *testing.T) {
	one, two := newAuthority(t, "one"), newAuthority(t, "two")
	root := writeFiles(t, map[string]string{
		"policy.yaml":   "default: {trust: {roots: [one.pem, more]}}\n",
		"one.pem":       string(one.PEM()),
		"more/two.pem":  "a comment\n" + string(two.PEM()),
		"more/sub/skip": "",
	})
	p, err := Load(filepath.Join(root, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	e := p.Default()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(one.PEM())
	pool.AppendCertsFromPEM(two.PEM())
	if !e.Roots().Equal(pool) {
		t.Errorf("the roots are not the two certificates")
	}
	if want := filepath.Join(root, "one.pem") + " and " + filepath.Join(root,
		"more"); e.RootsFrom != want {
		t.Errorf("the roots are from %q, want %q", e.RootsFrom, want)
	}
	if first := e.Roots(); e.Roots() != first ||
		p.For(subject.Program{Exe: "/x"}).Roots() != e.Roots() {
		t.Error("the pool was made more than once")
	}
}

func TestSystemStore(t *testing.T) {
	bundle, folder := newAuthority(t, "bundle"), newAuthority(t, "folder")
	other := newAuthority(t, "environment")
	root := writeFiles(t, map[string]string{
		"etc/ssl/certs/ca-certificates.crt": string(bundle.PEM()),
		"etc/ssl/certs/folder.pem":          string(folder.PEM()),
		"etc/ssl/certs/java/keystore":       "not PEM",
		"other.pem":                         string(other.PEM()),
	})
	t.Setenv("SSL_CERT_FILE", filepath.Join(root, "other.pem"))
	t.Setenv("SSL_CERT_DIR", root)
	want := x509.NewCertPool()
	want.AppendCertsFromPEM(bundle.PEM())
	want.AppendCertsFromPEM(folder.PEM())
	store := &systemStore{root: root}
	if !store.load().Equal(want) {
		t.Error("the store is not the bundle and the folder, without the environment's")
	}
	want.AppendCertsFromPEM(other.PEM())
	anchors := &Anchors{system: store}
	anchors.fixed = []*x509.Certificate{other.Certificate()}
	if !anchors.Pool().Equal(want) {
		t.Error("the store with one more certificate is not the sum of both")
	}
	if store.load().Equal(want) {
		t.Error("adding a certificate changed the store itself")
	}
}

func TestNobodyIsTrustedWithoutAnchors(t *testing.T) {
	for name, anchors := range map[string]*Anchors{"nil": nil, "none": FixedAnchors(),
		"no store": {system: &systemStore{root: t.TempDir()}}} {
		e := &Effective{Anchors: anchors}
		if e.Roots() == nil || !e.Roots().Equal(x509.NewCertPool()) {
			t.Errorf("%s anchors: the pool is %v, want an empty one", name, e.Roots())
		}
	}
}

func TestCRLFilesMustBeThere(t *testing.T) {
	l := testLoader(fstest.MapFS{"etc/ssa/a.crl": {Data: []byte("x")}})
	l.decode("/etc/ssa/policy.yaml", []byte("default: {trust: {crl_files: [a.crl, /etc/ssa]}}\n"))
	_, err := l.finish()
	if want := "/etc/ssa/policy.yaml:1:38: trust.crl_files: /etc/ssa is not a regular file"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
