package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestOtherSources(t *testing.T) {
	for text, want := range map[string][]string{
		"":                    nil,
		"passwd: files sss\n": nil,
		"hosts: files dns\n":  nil,
		" hosts:\tfiles mdns4_minimal [NOTFOUND=return] dns # mymachines\n": {"mdns4_minimal"},
		"hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns":  {"mymachines", "resolve"},
	} {
		if got := otherSources(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// machine makes a system's files.
func machine(t *testing.T, files map[string]string) string {
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

func TestResolver(t *testing.T) {
	f := &files{cfg: Config{Root: machine(t, map[string]string{"etc/resolv.conf": "",
		"etc/nsswitch.conf": "hosts: files dns\n"})}}
	if o := f.resolver(t.Context()); o.state != Works {
		t.Errorf("a usual machine: %+v", o)
	}
	f = &files{cfg: Config{Root: machine(t,
		map[string]string{"etc/nsswitch.conf": "hosts: files wins\n"})}}
	if o := f.resolver(t.Context()); o.state != Note || !strings.Contains(o.why, "wins") ||
		!strings.Contains(o.why, "resolv.conf") {
		t.Errorf("an unusual machine: %+v", o)
	}
}

func TestClock(t *testing.T) {
	root := machine(t, map[string]string{"etc/passwd": ""})
	for now, want := range map[time.Time]State{time.Now().Add(time.Minute): Works,
		time.Unix(0, 0): Fails} {
		f := &files{cfg: Config{Root: root, Now: func() time.Time { return now }}}
		if o := f.clock(t.Context()); o.state != want {
			t.Errorf("at %s: %+v, want %s", now, o, want)
		}
	}
}

func TestIdentitiesAndRoots(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"www.example"}})
	text := "default: {trust: {roots: [" + authority.File(t) + "]}, server: {identity: www}}\n" +
		"identities: {www: {chain: " + issued.ChainFile(t) + ", key: " + issued.KeyFile(t) + "}}\n"
	rules, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := rules.Default().Identities()
	if err != nil || len(ids) != 1 {
		t.Fatalf("identities: %v, %v", ids, err)
	}
	end := ids[0].Leaf().NotAfter
	for _, test := range []struct {
		now  time.Time
		want State
		why  string
	}{
		{end.Add(-soon - time.Hour), Works, "www until "},
		{end.Add(-time.Hour), Note, "the certificate of www expires on "},
		{end.Add(time.Second), Fails, "the certificate of www has expired on "},
	} {
		f := &files{cfg: Config{Policy: func() (*policy.Policy, error) { return rules, nil },
			Now: func() time.Time { return test.now }}}
		if o := f.identities(t.Context()); o.state != test.want || !strings.HasPrefix(o.why, test.why) {
			t.Errorf("at %s: %+v, want %s: %s", test.now, o, test.want, test.why)
		}
		if o := f.roots(t.Context()); o.state != Works || !strings.HasPrefix(o.why, "1 authorities") {
			t.Errorf("roots: %+v", o)
		}
	}
}
