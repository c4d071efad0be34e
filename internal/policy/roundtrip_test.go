package policy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// fullPolicy sets every key to something other than its default.
const fullPolicy = `
default:
  versions: {min: "1.2", max: "1.2"}
  cipher_suites: [TLS_CHACHA20_POLY1305_SHA256, ECDHE-ECDSA-AES128-SHA, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
  key_exchange: [P-521, SecP384r1MLKEM1024]
  signature_algorithms: [ed25519, rsa_pss_rsae_sha512]
  min_key_bits: {rsa: 3072, ecdsa: 384}
  peers:
    allow: ["*.Example.COM:443", "10.0.0.0/8", "2001:db8::/32", "[2001:db8::1]:853", "192.0.2.1:80", "a_b.example."]
    deny: ["::1"]
  trust:
    roots: [system]
    program_roots: replace
    max_depth: 3
    revocation: require
    revocation_networks: any
    revocation_timeout: 1500ms
    crl_files: [a.crl]
    verify: on
    transparency: require
    transparency_logs: logs.json
    pins: {BANK.example: [sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=], 192.0.2.1: [sha256/AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}
  sessions: {resumption: off, lifetime: 90m, shared_by: program, ticket_store: farm}
  server: {identity: www, client_auth: require, alpn: [h2, 'a "b" \'], ocsp_stapling: on}
  program_options: [TLS_ALPN, TLS_REMOTE_HOSTNAME]
  plain_tcp: ["127.0.0.0/8:53", "[::1]:53"]
  upgrade: [{to: "10.0.0.0/8", port: 6379, name: Redis.internal}, {to: "192.0.2.7", port: 1, name: "192.0.2.7"}]
  truncation: end
  limits: {connections: 5, handshakes: 6, handshake_timeout: 7s, client_handshake_timeout: 8s}
identities:
  www: {chain: keys/www.pem, key: /keys/www.key}
ticket_stores:
  farm: {address: /run/redis/redis.sock, key_file: ticket.key}
`

// fullFiles are the files that fullPolicy names.
func fullFiles(t testing.TB) fstest.MapFS {
	authority := ssatest.NewAuthority(t)
	www := authority.Issue(t, ssatest.Leaf{Names: []string{"www.example"}})
	return fstest.MapFS{
		"etc/ssa/keys/www.pem":   {Data: www.ChainPEM},
		"etc/ssa/keys/www.key":   {Data: www.KeyPEM, Mode: 0o600},
		"keys/www.key":           {Data: www.KeyPEM, Mode: 0o600},
		"etc/ssa/ticket.key":     {Data: []byte(testSecret), Mode: 0o600},
		"etc/ssa/redis-ca.pem":   {Data: authority.PEM()},
		"etc/ssa/redis.password": {Data: []byte("x"), Mode: 0o600},
		"etc/ssa/a.crl":          {Data: []byte("x")},
		"etc/ssa/logs.json":      {Data: ssatest.LogList(t, time.Now(), ssatest.NewLog(t, "a", "A"))},
	}
}

// TestSettingsReadBack prints a value and reads it again.
func TestSettingsReadBack(t *testing.T) {
	files := fullFiles(t)
	load := func(text string) *Effective {
		l := testLoader(files)
		l.decode("/etc/ssa/policy.yaml", []byte(text))
		p, err := l.finish()
		if err != nil {
			t.Fatalf("not accepted:\n%s\n%v", text, err)
		}
		return p.Default()
	}
	for _, text := range []string{fullPolicy, "", "default: {program_options: [], plain_tcp: deny}"} {
		first := load(text)
		printed := printPolicy(first)
		again := load(printed)
		sameSettings(t, again, first)
		if text != fullPolicy {
			continue
		}
		builtin := Builtin().Default().Settings()
		for i, s := range first.Settings() {
			if s.At.Line == 0 {
				t.Errorf("the full policy does not set %s", s.Key)
			}
			if s.Value == builtin[i].Value && s.Key != verifyKey && s.Key != "trust.roots" &&
				s.Key != "versions.min" {
				t.Errorf("the full policy sets %s to its default %s, which shows nothing", s.Key, s.Value)
			}
		}
		if ids, err := first.Identities(); err != nil || len(ids) != 1 ||
			ids[0].Names()[0] != "www.example" {
			t.Errorf("identities %v, error %v, want that of www.example", ids, err)
		}
		if got := first.ServerIdentities[0]; got.Chain != "/etc/ssa/keys/www.pem" ||
			got.Key != "/keys/www.key" {
			t.Errorf("the identity is %+v, want the files of www", got)
		}
	}
}

// printPolicy writes a policy file with every key of a value.
func printPolicy(e *Effective) string {
	var text strings.Builder
	text.WriteString("identities:\n  www: {chain: keys/www.pem, key: /keys/www.key}\n" +
		"ticket_stores:\n  farm: {address: /run/redis/redis.sock, key_file: ticket.key}\ndefault:\n")
	section := ""
	for _, s := range e.Settings() {
		above, name, nested := strings.Cut(s.Key, ".")
		if !nested {
			fmt.Fprintf(&text, "  %s: %s\n", s.Key, s.Value)
			continue
		}
		if above != section {
			fmt.Fprintf(&text, "  %s:\n", above)
			section = above
		}
		fmt.Fprintf(&text, "    %s: %s\n", name, s.Value)
	}
	return text.String()
}

func TestVerificationOffIsWarnedAbout(t *testing.T) {
	p := mustParse(t, "profiles:\n  - {name: lab, match: {exe: /opt/lab}, trust: {verify: off}}\n  - {name: later, match: {exe: /gone}}\n")
	var got []string
	for _, w := range p.Warnings() {
		got = append(got, w.String())
	}
	want := "[/etc/ssa/policy.yaml:3:32: match.exe: /gone is not there now " +
		"/etc/ssa/policy.yaml:2:57: profile lab does not verify its peers: anyone can read and change what it sends]"
	if fmt.Sprint(got) != want {
		t.Errorf("the warnings are\n%v\nwant\n%s", got, want)
	}
	if !p.For(subject.Program{Exe: "/opt/lab"}).SkipVerify || p.Default().SkipVerify {
		t.Error("verification is not off for the profile alone")
	}
}

// FuzzParse: a policy or problems, never both; every problem is inside the
// file; and an accepted policy has values that can be printed and read again.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/problems/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(names, defaultFile) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(fullPolicy))
	f.Add([]byte(tightPolicy))
	files := fullFiles(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		l := testLoader(files)
		l.decode("/etc/ssa/policy.yaml", data)
		p, err := l.finish()
		if (p == nil) == (err == nil) {
			t.Fatalf("policy %v with error %v", p, err)
		}
		if err != nil {
			var problems *Error
			if !errors.As(err, &problems) || len(problems.Problems) == 0 {
				t.Fatalf("error %v has type %T", err, err)
			}
			for _, problem := range problems.Problems {
				checkInside(t, problem, data)
			}
			return
		}
		for _, e := range append(p.Profiles(), p.Default()) {
			if e.MinVersion > e.MaxVersion || e.Roots() == nil || e.CipherSuites == nil {
				t.Errorf("unusable value accepted: %+v", e)
			}
		}
		p.For(subject.Program{Exe: "/usr/bin/nc", UID: 1000, Cgroup: "/user.slice"})
		if slices.ContainsFunc(p.Default().ServerIdentities,
			func(id *IdentityFiles) bool { return id.Name != "www" }) {
			return
		}
		again := testLoader(l.files.(fstest.MapFS))
		again.decode("/etc/ssa/policy.yaml", []byte(printPolicy(p.Default())))
		q, err := again.finish()
		if err != nil {
			t.Fatalf("the printed value is not accepted:\n%s\n%v", printPolicy(p.Default()), err)
		}
		sameSettings(t, q.Default(), p.Default())
	})
}

func checkInside(t *testing.T, p Problem, data []byte) {
	t.Helper()
	all := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data)), "\n")
	if p.Line < 1 || p.Line > len(all) || p.Column < 1 || p.Column > len([]rune(all[p.Line-1]))+1 {
		t.Errorf("problem %q is outside the file of %d lines", p, len(all))
	}
	if p.Text == "" || p.File == "" {
		t.Errorf("problem %+v has no text or file", p)
	}
}

func TestClientAuthWithoutAuthorityIsWarnedAbout(t *testing.T) {
	p := mustParse(t, "profiles:\n  - {name: web, match: {exe: /opt/web}, server: {client_auth: request}}\n")
	const want = "/etc/ssa/policy.yaml:2:63: server.client_auth is request, and trust.roots names no authority for clients " +
		"(system is for servers): a server whose program gives no roots of its own refuses everyone"
	if got := p.Warnings(); len(got) != 1 || got[0].String() != want {
		t.Errorf("warnings %v, want %s", got, want)
	}
}
