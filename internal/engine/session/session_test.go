package session

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"sync"
	"testing"
	"time"
)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// ticket makes a session with a recognisable ticket.
func ticket(t testing.TB, name string) *tls.ClientSessionState {
	t.Helper()
	state, err := tls.NewResumptionState([]byte(name), &tls.SessionState{})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// next takes a session and returns the name of its ticket, "" for none.
func next(t testing.TB, c *Cache, key Key) string {
	t.Helper()
	state, ok := c.Slot(key, time.Hour).Get("ignored")
	if !ok {
		return ""
	}
	label, _, err := state.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	return string(label)
}

func want(t testing.TB, what, got, wanted string) {
	t.Helper()
	if got != wanted {
		t.Errorf("%s: got session %q, want %q", what, got, wanted)
	}
}

func TestSessionsAreUsedOnceNewestFirst(t *testing.T) {
	c := NewCache(CacheConfig{PerPeer: 3})
	key := Key{"scope", "a.example", 443}
	slot := c.Slot(key, time.Hour)
	for i := range 5 {
		slot.Put("x", ticket(t, fmt.Sprint("t", i)))
	}
	for _, wanted := range []string{"t4", "t3", "t2", ""} {
		want(t, "three are kept", next(t, c, key), wanted)
	}
	if len(c.peers) != 0 || c.order.Len() != 0 {
		t.Errorf("%d peers and %d list entries are left of nothing", len(c.peers), c.order.Len())
	}
}

func TestKeysAreApart(t *testing.T) {
	c := NewCache(CacheConfig{})
	key := Key{"scope", "a.example", 443}
	c.Slot(key, time.Hour).Put("", ticket(t, "t"))
	for _, other := range []Key{{"other", "a.example", 443}, {"scope", "b.example", 443},
		{"scope", "a.example", 444}, {}} {
		want(t, fmt.Sprint("key ", other), next(t, c, other), "")
	}
	want(t, "its own key", next(t, c, key), "t")
}

func TestOnlyReusableSessionsComeBack(t *testing.T) {
	key := Key{"scope", "a.example", 443}
	for _, tc := range []struct {
		name  string
		after func(*Slot)
		want  string
	}{
		{"resumed TLS 1.2", func(s *Slot) { s.Established(tls.ConnectionState{Version: tls.VersionTLS12, DidResume: true}) }, "t"},
		{"resumed TLS 1.3", func(s *Slot) { s.Established(tls.ConnectionState{Version: tls.VersionTLS13, DidResume: true}) }, ""},
		{"refused by the server", func(s *Slot) { s.Established(tls.ConnectionState{Version: tls.VersionTLS12}) }, ""},
		{"withdrawn by crypto/tls", func(s *Slot) {
			s.Put("", nil)
			s.Established(tls.ConnectionState{Version: tls.VersionTLS12, DidResume: true})
		}, ""},
		{"failed handshake", func(*Slot) {}, ""},
		{"slot closed", func(s *Slot) {
			s.Close()
			s.Established(tls.ConnectionState{Version: tls.VersionTLS12, DidResume: true})
			s.Put("", ticket(t, "new"))
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := NewCache(CacheConfig{})
			c.Slot(key, time.Hour).Put("", ticket(t, "t"))
			slot := c.Slot(key, time.Hour)
			if _, ok := slot.Get(""); !ok {
				t.Fatal("the session is not there")
			}
			tc.after(slot)
			want(t, "afterwards", next(t, c, key), tc.want)
		})
	}
}

func TestLifetime(t *testing.T) {
	clk := newClock()
	c := NewCache(CacheConfig{Now: clk.Now})
	key := Key{"scope", "a.example", 443}
	put := func() { c.Slot(key, time.Hour).Put("", ticket(t, "t")) }

	put()
	clk.add(time.Hour - 1)
	want(t, "just before its end", next(t, c, key), "t")
	put()
	clk.add(time.Hour)
	want(t, "at its end", next(t, c, key), "")
	put()
	clk.add(-time.Minute)
	want(t, "clock set back", next(t, c, key), "")

	// A TLS 1.2 session does not grow younger by being used.
	put()
	clk.add(40 * time.Minute)
	slot := c.Slot(key, time.Hour)
	slot.Get("")
	slot.Established(tls.ConnectionState{Version: tls.VersionTLS12, DidResume: true})
	clk.add(30 * time.Minute)
	want(t, "reused, then old", next(t, c, key), "")
}

func TestBounds(t *testing.T) {
	c := NewCache(CacheConfig{Peers: 2})
	key := func(n uint16) Key { return Key{"scope", "a.example", n} }
	for n := range uint16(2) {
		c.Slot(key(n), time.Hour).Put("", ticket(t, fmt.Sprint("a", n)))
		c.Slot(key(n), time.Hour).Put("", ticket(t, fmt.Sprint("b", n)))
	}
	want(t, "use of the older peer", next(t, c, key(0)), "b0")
	c.Slot(key(2), time.Hour).Put("", ticket(t, "c"))
	want(t, "the peer unused for longest", next(t, c, key(1)), "")
	want(t, "the peer used since", next(t, c, key(0)), "a0")
	want(t, "the newest peer", next(t, c, key(2)), "c")

	c.Slot(key(3), time.Hour).Put("", ticket(t, string(bytes.Repeat([]byte("x"), maxTicket+1))))
	want(t, "a ticket too long", next(t, c, key(3)), "")
}

func TestConcurrentUse(t *testing.T) {
	c := NewCache(CacheConfig{Peers: 3, PerPeer: 2})
	k := NewKeys(KeysConfig{Scopes: 2})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				key := Key{"scope", "a.example", uint16((i + j) % 5)}
				slot := c.Slot(key, time.Hour)
				slot.Get("")
				slot.Put("", ticket(t, "t"))
				slot.Established(tls.ConnectionState{Version: tls.VersionTLS12, DidResume: true})
				k.Current(fmt.Sprint(j%4), 4*time.Hour, nil)
			}
		})
	}
	wg.Wait()
	if len(c.peers) > 3 || len(c.peers) != c.order.Len() {
		t.Errorf("%d peers, %d in order, want at most 3 and the same", len(c.peers), c.order.Len())
	}
	if len(k.scopes) > 2 || len(k.scopes) != k.order.Len() {
		t.Errorf("%d scopes, %d in order, want at most 2 and the same", len(k.scopes), k.order.Len())
	}
}

// A key reads tickets for one lifetime from when it was made, and at least
// three quarters of that beyond the last ticket it made.
func TestTicketKeysAge(t *testing.T) {
	clk := newClock()
	k := NewKeys(KeysConfig{Now: clk.Now})
	first, generation := k.Current("scope", 4*time.Hour, nil)
	if len(first) != 1 || generation == 0 {
		t.Fatalf("%d keys of generation %d at first, want 1 of another than 0", len(first), generation)
	}
	valid := func() int {
		keys, _ := k.Current("scope", 4*time.Hour, nil)
		for i, key := range keys {
			if key == first[0] {
				return i
			}
		}
		return -1
	}
	for hour, place := range []int{0, 1, 2, 3, -1} {
		if got := valid(); got != place {
			t.Errorf("after %d hours the first key is at place %d, want %d", hour, got, place)
		}
		clk.add(time.Hour)
	}

	fresh, before := k.Current("scope", 4*time.Hour, nil)
	clk.add(30 * time.Minute)
	if _, same := k.Current("scope", 4*time.Hour, nil); same != before {
		t.Error("the keys changed before it was time")
	}
	clk.add(100 * time.Hour)
	later, after := k.Current("scope", 4*time.Hour, nil)
	if len(later) != 1 || later[0] == fresh[0] || after == before {
		t.Errorf("after a long time without use: %d keys, generation %d then %d; want one new key", len(later), before, after)
	}
	clk.add(-time.Hour)
	if back, _ := k.Current("scope", 4*time.Hour, nil); len(back) != 1 || back[0] == later[0] {
		t.Error("a clock set back leaves keys of unknown age in use")
	}
}

func TestTicketKeysOfScopes(t *testing.T) {
	k := NewKeys(KeysConfig{Scopes: 2})
	a, generation := k.Current("a", 4*time.Hour, nil)
	b, _ := k.Current("b", 4*time.Hour, nil)
	if a[0] == b[0] {
		t.Error("two scopes have the same key")
	}
	k.Current("c", 4*time.Hour, nil) // drops a
	again, other := k.Current("a", 4*time.Hour, nil)
	if again[0] == a[0] || other == generation {
		t.Error("a scope that was dropped came back with its old key or generation")
	}
}

func TestBindName(t *testing.T) {
	cfg := new(tls.Config)
	cfg.SetSessionTicketKeys([][32]byte{{1}})
	BindName(cfg)
	state := func() *tls.SessionState { return wireState(t) }
	wrap := func(name string, ss *tls.SessionState) []byte {
		label, err := cfg.WrapSession(tls.ConnectionState{ServerName: name}, ss)
		if err != nil {
			t.Fatal(err)
		}
		return label
	}
	resumes := func(label []byte, name string) bool {
		ss, err := cfg.UnwrapSession(label, tls.ConnectionState{ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		return ss != nil
	}
	label := wrap("a.example", state())
	for name, expected := range map[string]bool{"a.example": true, "b.example": false, "": false} {
		if resumes(label, name) != expected {
			t.Errorf("a ticket for a.example resumes under %q: %v, want %v", name, !expected, expected)
		}
	}
	twice := state()
	wrap("a.example", twice)
	if label := wrap("a.example", twice); !resumes(label, "a.example") {
		t.Error("the ticket of a resumed session does not resume")
	}
	if label := wrap("b.example", twice); resumes(label, "a.example") || resumes(label, "b.example") {
		t.Error("a session of two names resumes")
	}
	if resumes([]byte("garbage"), "a.example") {
		t.Error("garbage resumes")
	}
	plain, err := cfg.EncryptTicket(tls.ConnectionState{}, state())
	if err != nil {
		t.Fatal(err)
	}
	if resumes(plain, "") {
		t.Error("a ticket without our entry resumes")
	}
}

// wireState returns a server's session, taken from the wire format since
// crypto/tls makes none outside a handshake.
func wireState(t testing.TB) *tls.SessionState {
	t.Helper()
	blank, err := (&tls.SessionState{}).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	blank[0], blank[1], blank[2] = 3, 4, 1 // TLS 1.3, a server
	blank[3], blank[4] = 0x13, 0x01        // TLS_AES_128_GCM_SHA256
	// An empty secret is refused: put one byte after the creation time.
	at := 2 + 1 + 2 + 8
	secret := append([]byte{1, 7}, blank[at+1:]...)
	// TLS 1.3 sessions of servers do not end with a curve.
	data := append(bytes.Clone(blank[:at]), secret...)
	data = data[:len(data)-2]
	ss, err := tls.ParseSessionState(data)
	if err != nil {
		t.Fatalf("parse a session: %v", err)
	}
	return ss
}
