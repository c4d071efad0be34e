package policy

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// testSecret could be one of a ticket store.
const testSecret = "0123456789abcdefghijklmnopqrstuv"

// loadStores loads a policy with the files that ticket stores need.
func loadStores(t *testing.T, text string, more fstest.MapFS) (*Policy, error) {
	t.Helper()
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Subject: "ssa", Client: true})
	files := fstest.MapFS{
		"etc/ssa/ticket.key": {Data: []byte(testSecret), Mode: 0o600},
		"etc/ssa/password":   {Data: []byte("open sesame\n"), Mode: 0o600},
		"etc/ssa/ca.pem":     {Data: a.PEM()},
		"etc/ssa/ssa.pem":    {Data: issued.ChainPEM},
		"etc/ssa/ssa.key":    {Data: issued.KeyPEM, Mode: 0o600},
	}
	for name, file := range more {
		files[name] = file
	}
	l := testLoader(files)
	l.decode("/etc/ssa/policy.yaml", []byte(text))
	return l.finish()
}

func TestTicketStore(t *testing.T) {
	p, err := loadStores(t, `
default:
  sessions: {ticket_store: farm, lifetime: 1h}
ticket_stores:
  farm: {address: "rediss://Redis.example:6380/7", ca: ca.pem, user: ssa, password_file: password, identity: me, key_file: ticket.key}
  here: {address: /run/redis/redis.sock, key_file: ticket.key}
identities:
  me: {chain: ssa.pem, key: ssa.key}
profiles:
  - {name: long, match: {exe: /opt/long}, sessions: {lifetime: 48h}}
  - {name: alone, match: {exe: /opt/alone}, sessions: {ticket_store: ""}}
  - {name: other, match: {exe: /opt/other}, sessions: {ticket_store: here}}
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := p.Default().TicketStore
	if store == nil || store.Host != "redis.example" || store.Port != 6380 || store.Database != 7 ||
		store.User != "ssa" || store.Path != "" {
		t.Fatalf("the store is %+v", store)
	}
	if store.Address() != "rediss://redis.example:6380" {
		t.Errorf("its address is %s", store.Address())
	}
	if store.Retention.Hours() != 48 {
		t.Errorf("it is for sessions of %s, want the longest, 48h", store.Retention)
	}
	access, err := store.Access()
	if err != nil || access.Password != "open sesame" || string(access.Secret) != testSecret ||
		access.Identity == nil {
		t.Errorf("access %+v, error %v", access, err)
	}
	if store.Policy.RootsFrom != "/etc/ssa/ca.pem" || len(store.Policy.Anchors.fixed) != 1 ||
		store.Policy.Anchors.system != nil {
		t.Errorf("who may vouch for it: %s, want the one of /etc/ssa/ca.pem alone", store.Policy.RootsFrom)
	}
	for exe, want := range map[string]string{"/opt/long": "farm", "/opt/alone": "",
		"/opt/other": "here"} {
		got := ""
		if s := p.For(subject.Program{Exe: exe}).TicketStore; s != nil {
			got = s.Name
		}
		if got != want {
			t.Errorf("%s: store %q, want %q", exe, got, want)
		}
	}
}

func TestTicketStoreAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"rediss://a.example":        "rediss://a.example:6379",
		"rediss://10.0.0.5":         "rediss://10.0.0.5:6379",
		"rediss://10.0.0.5:6380/":   "rediss://10.0.0.5:6380",
		"rediss://[2001:db8::1]:80": "rediss://[2001:db8::1]:80",
		"/run/redis/redis.sock":     "/run/redis/redis.sock",
	} {
		p, err := loadStores(t, `{default: {sessions: {ticket_store: a}}, ticket_stores: {a: {key_file: ticket.key, address: "`+address+`"}}}`, nil)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := p.Default().TicketStore.Address(); got != want {
			t.Errorf("%s is understood as %s, want %s", address, got, want)
		}
	}
}

// A reload finds out by the digest whether anything of a store has changed.
func TestTicketStoreDigest(t *testing.T) {
	const text = `{default: {sessions: {ticket_store: a}, truncation: error}, ticket_stores: {a: {key_file: ticket.key, address: "rediss://a.example", password_file: password}}}`
	digest := func(text string, more fstest.MapFS) [32]byte {
		t.Helper()
		p, err := loadStores(t, text, more)
		if err != nil {
			t.Fatal(err)
		}
		return p.Default().TicketStore.Digest()
	}
	first := digest(text, nil)
	if digest(text, nil) != first {
		t.Error("two loads of the same policy have stores that differ")
	}
	for name, other := range map[string][32]byte{
		"another address":  digest(strings.Replace(text, "a.example", "b.example", 1), nil),
		"another database": digest(strings.Replace(text, "a.example", "a.example/1", 1), nil),
		"another secret": digest(text,
			fstest.MapFS{"etc/ssa/ticket.key": {Data: []byte(testSecret + "x"), Mode: 0o600}}),
		"another password": digest(text,
			fstest.MapFS{"etc/ssa/password": {Data: []byte("x"), Mode: 0o600}}),
		"another rule of connections": digest(strings.Replace(text, "truncation: error",
			`versions: {min: "1.3"}`, 1), nil),
		"another authority": digest(strings.Replace(text, "key_file",
			"ca: ca.pem, key_file", 1), nil),
	} {
		if other == first {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}

// Users who run no server load the same policy, and may not read the secrets.
func TestTicketStoreThatMayNotBeRead(t *testing.T) {
	l := testLoader(nil)
	l.files = unreadable{fstest.MapFS{"etc/ssa/ticket.key": {Data: []byte(testSecret), Mode: 0o600}}}
	l.decode("/etc/ssa/policy.yaml", []byte(`{default: {sessions: {ticket_store: a}}, ticket_stores: {a: {key_file: ticket.key, address: /run/redis.sock}}}`))
	p, err := l.finish()
	if err != nil {
		t.Fatalf("not accepted: %v", err)
	}
	const want = "the ticket store a of the policy (/etc/ssa/policy.yaml:1:58) cannot be used: /etc/ssa/ticket.key: permission denied"
	if _, err := p.Default().TicketStore.Access(); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// unreadable is a file system whose files may not be opened.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestTicketStoreReadersAreWarnedAbout(t *testing.T) {
	p, err := loadStores(t, `{ticket_stores: {a: {key_file: ticket.key, address: /run/redis.sock}}}`,
		fstest.MapFS{"etc/ssa/ticket.key": {Data: []byte(testSecret), Mode: 0o644}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "/etc/ssa/policy.yaml:1:18: ticket store a: /etc/ssa/ticket.key may be used by everyone (mode 0644); chmod go= it, unless that is meant"
	if got := p.Warnings(); len(got) != 1 || got[0].String() != want {
		t.Errorf("warnings %v, want %s", got, want)
	}
}
