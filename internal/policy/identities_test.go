package policy

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// identityRig has the files of two identities, a and b.
type identityRig struct {
	files fs.FS
	now   time.Time
}

func newIdentityRig(t *testing.T) (*identityRig, fstest.MapFS) {
	a := ssatest.NewAuthority(t)
	files := fstest.MapFS{}
	for _, name := range []string{"a", "b"} {
		issued := a.Issue(t, ssatest.Leaf{Names: []string{name + ".example"}})
		files["keys/"+name+".pem"] = &fstest.MapFile{Data: issued.ChainPEM}
		files["keys/"+name+".key"] = &fstest.MapFile{Data: issued.KeyPEM, Mode: 0o600}
	}
	return &identityRig{files: files, now: time.Now()}, files
}

func (r *identityRig) load(text string) (*Policy, error) { return r.loadWith("", text) }

// loadWith has some more identities.
func (r *identityRig) loadWith(more, text string) (*Policy, error) {
	l := testLoader(nil)
	l.files, l.now = r.files, func() time.Time { return r.now }
	l.decode("/p.yaml", []byte("identities: {"+more+"a: {chain: keys/a.pem, key: keys/a.key}, b: {chain: /keys/b.pem, key: /keys/b.key}}\n"+text))
	return l.finish()
}

// names loads a policy and lists whom the default's identities are for.
func (r *identityRig) names(t *testing.T, text string) (string, []Problem) {
	t.Helper()
	p, err := r.load(text)
	if err != nil {
		t.Fatalf("not accepted: %v", err)
	}
	ids, err := p.Default().Identities()
	if err != nil {
		return err.Error(), p.Warnings()
	}
	var names []string
	for _, id := range ids {
		names = append(names, id.Names()...)
	}
	return strings.Join(names, " "), p.Warnings()
}

func TestIdentities(t *testing.T) {
	r, _ := newIdentityRig(t)
	for text, want := range map[string]string{
		"":                                      "",
		`default: {server: {identity: ""}}`:     "",
		"default: {server: {identity: []}}":     "",
		"default: {server: {identity: a}}":      "a.example",
		"default: {server: {identity: [b]}}":    "b.example",
		"default: {server: {identity: [b, a]}}": "b.example a.example",
	} {
		if got, warnings := r.names(t, text); got != want || len(warnings) > 0 {
			t.Errorf("%q: got %q and warnings %v, want %q", text, got, warnings, want)
		}
	}
}

func TestIdentityProblems(t *testing.T) {
	const use = "default: {server: {identity: a}}"
	for _, tc := range []struct {
		name, text string
		more       string // identities
		change     func(files fstest.MapFS)
		want       string
	}{
		{name: "unknown", text: "default: {server: {identity: [a, aa]}}", want: "server.identity: no identity aa in identities; did you mean a?"},
		{name: "users of none", more: "c: {chain: keys/a.pem, key: keys/a.key, users: []}, ", want: "identity c: users is empty: it would be for nobody"},
		{name: "no such user", more: "c: {chain: keys/a.pem, key: keys/a.key, users: [nobodyatall]}, ", want: `identity c: users: `},
		{name: "twice", text: "default: {server: {identity: [a, a]}}", want: "a is in the list twice"},
		{name: "no chain", text: use, change: func(f fstest.MapFS) { delete(f, "keys/a.pem") }, want: "identity a: /keys/a.pem: file does not exist"},
		{name: "no key", text: use, change: func(f fstest.MapFS) { delete(f, "keys/a.key") }, want: "identity a: /keys/a.key: file does not exist"},
		{name: "not used, broken all the same", change: func(f fstest.MapFS) { delete(f, "keys/a.key") }, want: "identity a: /keys/a.key: file does not exist"},
		{name: "another's key", text: use, change: func(f fstest.MapFS) { f["keys/a.key"] = f["keys/b.key"] },
			want: "identity a: /keys/a.key: the private key (ECDSA, P-256) does not belong to the certificate of a.example"},
		{name: "no PEM", text: use, change: func(f fstest.MapFS) { f["keys/a.pem"] = &fstest.MapFile{Data: []byte("x")} }, want: "identity a: /keys/a.pem: "},
		{name: "no key in it", text: use, change: func(f fstest.MapFS) { f["keys/a.key"] = f["keys/a.pem"] }, want: "identity a: /keys/a.key: "},
		{name: "huge", text: use, change: func(f fstest.MapFS) {
			f["keys/a.key"] = &fstest.MapFile{Data: make([]byte, maxIdentityFile+1)}
		}, want: "identity a: /keys/a.key has more than 1048576 bytes"},
		{name: "a pipe", text: use, change: func(f fstest.MapFS) { f["keys/a.key"] = &fstest.MapFile{Mode: fs.ModeNamedPipe} },
			want: "identity a: /keys/a.key: not a regular file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, files := newIdentityRig(t)
			if tc.change != nil {
				tc.change(files)
			}
			_, err := r.loadWith(tc.more, tc.text)
			var problems *Error
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), tc.want) ||
				strings.Contains(err.Error(), "PRIVATE KEY-----\nM") {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestIdentityWarnings(t *testing.T) {
	const use = "default: {server: {identity: a}}"
	t.Run("a key that others may read", func(t *testing.T) {
		for mode, who := range map[fs.FileMode]string{0o640: "its group (mode 0640)",
			0o604: "everyone (mode 0604)", 0o666: "everyone (mode 0666)"} {
			r, files := newIdentityRig(t)
			files["keys/a.key"].Mode = mode
			got, warnings := r.names(t, use)
			want := "/p.yaml:1:14: identity a: /keys/a.key may be used by " + who + "; chmod go= it, unless that is meant"
			if got != "a.example" || len(warnings) != 1 || warnings[0].String() != want {
				t.Errorf("got %q and warnings %v, want %q", got, warnings, want)
			}
		}
	})
	t.Run("an expired certificate", func(t *testing.T) {
		r, _ := newIdentityRig(t)
		r.now = r.now.Add(24 * time.Hour)
		if got, warnings := r.names(t, use); got != "a.example" || len(warnings) != 2 ||
			!strings.Contains(warnings[0].Text, "identity a: its certificate has expired on ") {
			t.Errorf("got %q and warnings %v, want two about the expiry", got, warnings)
		}
	})
	// Ordinary users load the same policy, but may not serve.
	t.Run("a key that this process may not read", func(t *testing.T) {
		r, files := newIdentityRig(t)
		r.files = forbidding{files, "keys/a.key"}
		got, warnings := r.names(t, "default: {server: {identity: [b, a]}}")
		if got != "the identity a of the policy (/p.yaml:1:14) cannot be used: /keys/a.key: permission denied" || len(warnings) > 0 {
			t.Errorf("got %q and warnings %v, want an error and no warning", got, warnings)
		}
		if got, _ := r.names(t, "default: {server: {identity: b}}"); got != "b.example" {
			t.Errorf("the other identity is %q, want b.example", got)
		}
	})
}

// forbidding is a file system with one file that may not be opened.
type forbidding struct {
	fstest.MapFS
	name string
}

func (f forbidding) Open(name string) (fs.File, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.Open(name)
}

// TestHolders: an identity may say for whom it is, and one that anybody gets who
// starts a program is warned of.
func TestHolders(t *testing.T) {
	r, _ := newIdentityRig(t)
	const limited = "c: {chain: keys/a.pem, key: keys/a.key, users: [1, 2], groups: [7]}, "
	const anybody = "any user who starts that program has its key"
	const refused = "server.identity: c is only for the users and groups that /p.yaml:"
	for text, want := range map[string]string{
		"": "",
		"profiles: [{name: p, match: {exe: /x, user: 2}, server: {identity: c}}]":                                "",
		"profiles: [{name: p, match: {cgroup: /x, group: 7}, server: {identity: [b, c]}}]":                       "",
		"profiles: [{name: p, match: {exe: /x, user: 3}, server: {identity: c}}]":                                refused,
		"profiles: [{name: p, match: {exe: /x, group: 2}, server: {identity: c}}]":                               refused,
		"profiles: [{name: p, match: {exe: /x}, server: {identity: [b, c]}}]":                                    refused,
		"default: {server: {identity: c}}":                                                                       refused,
		"profiles: [{name: p, match: {exe: /x}, server: {identity: a}}]":                                         anybody,
		"profiles: [{name: p, match: {exe: /x, user: 1}, server: {identity: a}}]":                                "",
		"profiles: [{name: p, match: {exe: /x, group: 1}, server: {identity: a}}]":                               "",
		"profiles: [{name: p, match: {exe: /x}}]":                                                                "",
		"profiles: [{name: p, match: {exe: /x}, server: {identity: []}}]":                                        "",
		"default: {server: {identity: a}}\nprofiles: [{name: p, match: {exe: /x}, sessions: {resumption: off}}]": "", // it is everybody's
	} {
		p, err := r.loadWith(limited, text)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			for _, w := range p.Warnings() {
				if !strings.Contains(w.Text, "is not there now") {
					got += w.String()
				}
			}
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s\ngot %q, want %q", text, got, want)
		}
	}
}
