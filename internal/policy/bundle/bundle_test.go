package bundle_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/bundle"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// scene is a folder with the files of a policy.
func scene(t *testing.T) (dir string, anchor *ssatest.Authority) {
	t.Helper()
	dir = t.TempDir()
	anchor = ssatest.NewAuthority(t)
	issued := anchor.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	for name, data := range map[string][]byte{
		"a.pem": issued.ChainPEM, "a.key": issued.KeyPEM, "roots/one.pem": anchor.PEM(),
		"a.crl": []byte("a list"),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("roots", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	return dir, anchor
}

// twice loads a policy from the machine, and from a bundle of what was read.
func twice(t *testing.T, load func(policy.Options) (*policy.Policy, error)) (
	direct, bundled *policy.Policy, directErr, bundledErr error) {
	t.Helper()
	direct, directErr = load(policy.Options{})
	recorder := bundle.NewRecorder(policy.Machine())
	defer recorder.Clear()
	if p, err := load(policy.Options{Files: recorder}); err == nil {
		p.Default().Roots() // which are read when they are needed
	}
	data := recorder.Encode()
	b, err := bundle.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	bundled, bundledErr = load(policy.Options{Files: b})
	if bundledErr == nil {
		bundled.Default().Roots()
	}
	return direct, bundled, directErr, bundledErr
}

func TestSamePolicy(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":          "",
		"identity":         "identities: {a: {chain: a.pem, key: a.key}}\ndefault: {server: {identity: a}}\n",
		"roots":            "default: {trust: {roots: [system, roots]}}\n",
		"roots by link":    "default: {trust: {roots: [link]}}\n",
		"profile":          "profiles: [{name: p, match: {exe: /bin/sh, user: root}, versions: {min: '1.3'}}]\n",
		"absent program":   "profiles: [{name: p, match: {exe: /none/such}}]\n",
		"revocation list":  "default: {trust: {crl_files: [a.crl]}}\n",
		"absent key":       "identities: {a: {chain: a.pem, key: none.key}}\n",
		"a folder as key":  "identities: {a: {chain: a.pem, key: roots}}\n",
		"absent roots":     "default: {trust: {roots: [none.pem]}}\n",
		"no certificate":   "default: {trust: {roots: [a.crl]}}\n",
		"absent list":      "default: {trust: {crl_files: [none.crl]}}\n",
		"absent logs":      "default: {trust: {transparency: require, transparency_logs: none.json}}\n",
		"unknown user":     "profiles: [{name: p, match: {user: nobody-such}}]\n",
		"several problems": "default: {trust: {roots: [none.pem], crl_files: [roots]}, nonsense: 1}\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := scene(t)
			file := filepath.Join(dir, "policy.yaml")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			direct, bundled, directErr, bundledErr := twice(t,
				func(o policy.Options) (*policy.Policy, error) { return o.Load(file) })
			sameOutcome(t, direct, bundled, directErr, bundledErr)
		})
	}
}

func sameOutcome(t *testing.T, direct, bundled *policy.Policy, directErr, bundledErr error) {
	t.Helper()
	if directErr != nil || bundledErr != nil {
		if directErr == nil || bundledErr == nil || directErr.Error() != bundledErr.Error() {
			t.Errorf("loading fails with\n%v\nand from the bundle with\n%v", directErr, bundledErr)
		}
		return
	}
	all, again := append(direct.Profiles(), direct.Default()),
		append(bundled.Profiles(), bundled.Default())
	if len(all) != len(again) {
		t.Fatalf("%d profiles, and %d from the bundle", len(all), len(again))
	}
	for i, e := range all {
		for j, s := range e.Settings() {
			if got := again[i].Settings()[j]; got.Value != s.Value ||
				again[i].Origin(s.Key) != e.Origin(s.Key) {
				t.Errorf("%s: %s is %s, and %s from the bundle", e.Profile, s.Key, s.Value, got.Value)
			}
		}
		if !again[i].Roots().Equal(e.Roots()) {
			t.Errorf("%s: the roots are others", e.Profile)
		}
		ids, err := e.Identities()
		idsAgain, errAgain := again[i].Identities()
		if len(ids) != len(idsAgain) || (err == nil) != (errAgain == nil) {
			t.Errorf("%s: %d identities (%v), and %d from the bundle (%v)", e.Profile, len(ids), err, len(idsAgain), errAgain)
		}
	}
	a, b := direct.Warnings(), bundled.Warnings()
	if len(a) != len(b) {
		t.Fatalf("warnings %v, and %v from the bundle", a, b)
	}
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("warning %v, and %v from the bundle", a[i], b[i])
		}
	}
}

func TestSameSystemPolicy(t *testing.T) {
	root := t.TempDir()
	_, _, directErr, bundledErr := twice(t,
		func(o policy.Options) (*policy.Policy, error) { return o.LoadSystem(root) })
	if directErr != nil || bundledErr != nil {
		t.Errorf("without files: %v, %v", directErr, bundledErr)
	}
	folder := filepath.Join(root, "etc/ssa/policy.d")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a.yaml"),
		[]byte("default: {versions: {min: '1.3'}}"), 0o644); err != nil {
		t.Fatal(err)
	}
	load := func(o policy.Options) (*policy.Policy, error) { return o.LoadSystem(root) }
	direct, bundled, directErr, bundledErr := twice(t, load)
	sameOutcome(t, direct, bundled, directErr, bundledErr)
	if bundled.Default().MinVersion != direct.Default().MinVersion ||
		bundled.Default().Origin("versions.min").File == "" {
		t.Errorf("the folder's file does not count")
	}
	if err := os.Chmod(filepath.Join(folder, "a.yaml"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, _, directErr, bundledErr = twice(t, load)
	sameOutcome(t, nil, nil, directErr, bundledErr)
}

func TestUnreadableFiles(t *testing.T) {
	ssatest.NeedUser(t, "root may read everything")
	dir, _ := scene(t)
	if err := os.Chmod(filepath.Join(dir, "a.key"), 0); err != nil {
		t.Fatal(err)
	}
	text := "identities: {a: {chain: " + dir + "/a.pem, key: " + dir + "/a.key}}\ndefault: {server: {identity: a}}\n"
	_, bundled, _, err := twice(t,
		func(o policy.Options) (*policy.Policy, error) { return o.Parse("p.yaml", []byte(text)) })
	if err != nil {
		t.Fatalf("a key that may not be read makes the policy unacceptable: %v", err)
	}
	if _, err := bundled.Default().Identities(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the identity: %v, want %v", err, fs.ErrPermission)
	}
}

func TestFirstReadCounts(t *testing.T) {
	dir, _ := scene(t)
	name := strings.TrimPrefix(filepath.Join(dir, "a.crl"), "/")
	r := bundle.NewRecorder(policy.Machine())
	before, err := fs.ReadFile(r, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/"+name, []byte("another list"), 0o644); err != nil {
		t.Fatal(err)
	}
	after, err := fs.ReadFile(r, name)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("first %q, then %q, %v: what was checked must be what is handed on", before, after, err)
	}
	b, err := bundle.Decode(r.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fs.ReadFile(b.Keep(b.Keep(nil, name)), name); err != nil ||
		string(got) != "a list" {
		t.Errorf("kept %q, %v", got, err)
	}
	if _, err := fs.ReadFile(b.Keep(nil), name); err == nil {
		t.Error("what was not kept is there")
	}
	if _, err := b.Stat("etc/shadow"); err == nil {
		t.Error("a bundle knows a file that was not read")
	}
}

func TestRecorderClear(t *testing.T) {
	r := bundle.NewRecorder(policy.Machine())
	dir, anchor := scene(t)
	name := strings.TrimPrefix(filepath.Join(dir, "roots/one.pem"), "/")
	if _, err := fs.ReadFile(r, name); err != nil {
		t.Fatal(err)
	}
	block := anchor.PEM()
	if !bytes.Contains(r.Encode(), block) || !x509.NewCertPool().AppendCertsFromPEM(block) {
		t.Fatal("the certificate was not taken down")
	}
	r.Clear()
	if bytes.Contains(r.Encode(), block) {
		t.Error("the certificate is still there after Clear")
	}
}
