package policy

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// wantWarnings fails the test unless these are the warnings, each by a part.
func wantWarnings(t *testing.T, got []Problem, want ...string) {
	t.Helper()
	text := make([]string, len(got))
	for i, w := range got {
		text[i] = w.String()
	}
	if len(got) != len(want) {
		t.Errorf("the warnings are\n%s\nwant %d", strings.Join(text, "\n"), len(want))
	}
	for _, part := range want {
		if !slices.ContainsFunc(text, func(w string) bool { return strings.Contains(w, part) }) {
			t.Errorf("no warning says %q:\n%s", part, strings.Join(text, "\n"))
		}
	}
}

// source is a Source of files in memory.
type source struct{ fstest.MapFS }

func (source) RealPath(path string) (string, error) { return path, nil }

// TestIgnoredFiles: what looks like a policy and is not read is told, also
// when something else is wrong.
func TestIgnoredFiles(t *testing.T) {
	files := fstest.MapFS{"etc/ssa/policy.yaml": {Data: []byte("default: {}"), Mode: 0o644}}
	for _, name := range []string{"policy.yml", "policy.d/x.yml", "policy.d/y.YAML",
		"policy.d/z.conf", "policy.d/README", "policy.d/.x.yml", "policy.d/a.yaml.dpkg-old"} {
		files["etc/ssa/"+name] = &fstest.MapFile{Data: []byte("default: {}"), Mode: 0o644}
	}
	want := []string{"/etc/ssa/policy.yml: this file is not read", "policy.d/x.yml: this file", "policy.d/y.YAML: this", "policy.d/z.conf: this"}
	p, err := Options{Files: source{files}}.LoadSystem("/")
	if err != nil {
		t.Fatal(err)
	}
	wantWarnings(t, p.Warnings(), want...)
	files["etc/ssa/policy.yaml"].Data = []byte("default: {nonsense: 1}")
	var wrong *Error
	if _, err := (Options{Files: source{files}}).LoadSystem("/"); !errors.As(err, &wrong) {
		t.Fatalf("the error is %v", err)
	}
	wantWarnings(t, wrong.Warnings, want...)
}

// TestWritableFiles: whoever may write a policy's files decides in the
// administrator's place.
func TestWritableFiles(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	read := func(path string) []byte {
		data, err := fs.ReadFile(Machine(), fsName(path))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	policy := "default: {trust: {roots: [r.pem, folder]}, server: {identity: www}}\nidentities: {www: {chain: c.pem, key: k.pem}}\n"
	files := fstest.MapFS{
		"etc/ssa/policy.yaml":  {Data: []byte(policy), Mode: 0o664},
		"etc/ssa/r.pem":        {Data: read(authority.File(t)), Mode: 0o666},
		"etc/ssa/folder":       {Mode: fs.ModeDir | 0o777},
		"etc/ssa/folder/a.pem": {Data: read(authority.File(t)), Mode: 0o662},
		"etc/ssa/c.pem":        {Data: read(leaf.ChainFile(t)), Mode: 0o666},
		"etc/ssa/k.pem":        {Data: read(leaf.KeyFile(t)), Mode: 0o666},
	}
	load := func() []Problem {
		p, err := Options{Files: source{files}}.Load("/etc/ssa/policy.yaml")
		if err != nil {
			t.Fatal(err)
		}
		return p.Warnings()
	}
	wantWarnings(t, load(), "the policy: /etc/ssa/policy.yaml may be written by its group (mode 0664)",
		"trust.roots: /etc/ssa/r.pem may be written by everyone (mode 0666)", "trust.roots: /etc/ssa/folder may be written by everyone",
		"trust.roots: /etc/ssa/folder/a.pem may be written by everyone", "identity www: /etc/ssa/c.pem may be written by everyone",
		"identity www: /etc/ssa/k.pem may be used by everyone")
	for _, f := range files {
		f.Mode &^= 0o077
	}
	wantWarnings(t, load())
}

// TestSmallKeys: an identity that peers with the same policy refuse is told.
func TestSmallKeys(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	text := func(l ssatest.Leaf) string {
		l.Names = []string{"a.example"}
		leaf := authority.Issue(t, l)
		return "identities: {www: {chain: " + leaf.ChainFile(t) + ", key: " + leaf.KeyFile(t) +
			"}}\ndefault: {server: {identity: www}"
	}
	for _, tc := range []struct {
		text string
		want []string
	}{
		{text(ssatest.Leaf{}) + "}", nil},
		{text(ssatest.Leaf{RSA: 2048}) + "}", nil},
		{text(ssatest.Leaf{RSA: 1024}) + "}", []string{"identity www: its RSA key has 1024 bits, fewer than min_key_bits 2048 (profile default)"}},
		{text(ssatest.Leaf{}) + ", min_key_bits: {ecdsa: 384}}", []string{"identity www: its ECDSA key has 256 bits, fewer than min_key_bits 384 (profile default)"}},
	} {
		p, err := Parse("p.yaml", []byte(tc.text))
		if err != nil {
			t.Fatal(err)
		}
		wantWarnings(t, p.Warnings(), tc.want...)
	}
}

// TestHybridGroupsAlone: they are of TLS 1.3, so that peers of TLS 1.2 are told
// of, and a program that wants no other is refused.
func TestHybridGroupsAlone(t *testing.T) {
	p, err := Parse("p.yaml", []byte("default: {key_exchange: [X25519MLKEM768]}"))
	if err != nil {
		t.Fatal(err)
	}
	wantWarnings(t, p.Warnings(), "key_exchange has only groups of TLS 1.3: peers of TLS 1.2 are refused")
	var impossible *Impossible
	if _, err := Tighten(p.Default(), ProgramSettings{VersionMax: 0x0303}); !errors.As(err,
		&impossible) || impossible.Option != abi.VersionMax {
		t.Errorf("a program that wants TLS 1.2 alone gets %v", err)
	}
	strict, err := Parse("p.yaml", []byte("default: {versions: {min: \"1.3\"}, key_exchange: [X25519MLKEM768]}"))
	if err != nil {
		t.Fatal(err)
	}
	wantWarnings(t, strict.Warnings())
}

// TestALPNWithBlanks: a blank is no part of a protocol's name.
func TestALPNWithBlanks(t *testing.T) {
	p, err := Parse("p.yaml", []byte("default: {server: {alpn: [\"h2 \", \" http/1.1\"]}}"))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Default().ServerALPN; !slices.Equal(got, []string{"h2", "http/1.1"}) {
		t.Errorf("the protocols are %q", got)
	}
	if _, err := Parse("p.yaml", []byte("default: {server: {alpn: [\" \"]}}")); err == nil {
		t.Error("a protocol of blanks alone is accepted")
	}
}
