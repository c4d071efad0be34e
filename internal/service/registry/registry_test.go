package registry_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// moved is a connection that has moved some bytes.
type moved struct{ sent, received atomic.Int64 }

func (m *moved) Progress() (sent, received int64) { return m.sent.Load(), m.received.Load() }

func after(sent, received int64) *moved {
	m := &moved{}
	m.sent.Store(sent)
	m.received.Store(received)
	return m
}

var (
	curl = registry.ProgramInfo{PID: 10, UID: 1000, Exe: "/usr/bin/curl", Profile: "default",
		Cgroup: "/user.slice"}
	nginx = registry.ProgramInfo{PID: 20, UID: 33, Exe: "/usr/sbin/nginx", Profile: "web"}
	facts = &engine.Facts{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256,
		Group: "X25519MLKEM768", ALPN: "h2",
		ServerName: "a.example", PeerIdentity: "a.example", PeerChain: [][]byte{{1}}}
	all  = registry.Viewer{All: true}
	peer = netip.MustParseAddrPort("192.0.2.1:443")
)

func client(id uint64) registry.Connection {
	return registry.Connection{ID: id, Program: curl, Name: "a.example", Peer: peer}
}

func server(id uint64) registry.Connection {
	return registry.Connection{ID: id, Role: engine.Server, Program: nginx, Peer: peer,
		Identity: "www"}
}

func TestLife(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := registry.New(registry.Config{Now: func() time.Time { return now }, Build: "v1",
		UserName: func(uid uint32) string { return fmt.Sprint("user", uid) }})
	e := r.Begin(client(7))
	s := r.Snapshot(all, registry.Query{})
	if c := s.Connections; len(c) != 1 || c[0].State != "handshake" || c[0].Name != "a.example" ||
		c[0].Version != "" ||
		s.Totals.Open != 1 || s.Totals.Connecting != 1 {
		t.Fatalf("in its handshake: %+v, totals %+v", c, s.Totals)
	}
	now = now.Add(20 * time.Millisecond)
	m := &moved{}
	e.Established(facts, m)
	m.sent.Store(3)
	m.received.Store(4)
	now = now.Add(time.Minute)
	want := registry.ConnectionInfo{
		ID: 7, State: "connected", Role: "client", Name: "a.example", Peer: "192.0.2.1:443",
		Began: time.Unix(1e9, 0).UTC(),
		Program: registry.ProgramInfo{PID: 10, UID: 1000, User: "user1000", Exe: "/usr/bin/curl",
			Profile: "default", Cgroup: "/user.slice"},
		Version: "TLS 1.3", Suite: "TLS_AES_128_GCM_SHA256", Group: "X25519MLKEM768", ALPN: "h2",
		PeerIdentity: "a.example",
		Handshake:    0.02, Sent: 3, Received: 4, Active: now.UTC().Truncate(time.Second),
	}
	s = r.Snapshot(all, registry.Query{ID: 7})
	if len(s.Connections) != 1 || !reflect.DeepEqual(s.Connections[0], want) {
		t.Errorf("connected:\n%+v\nwant\n%+v", s.Connections, want)
	}
	if s := r.Snapshot(all, registry.Query{ID: 8}); len(s.Connections) != 0 {
		t.Errorf("there is no 8, and it is %+v", s.Connections)
	}
	e.Ended(engine.End{Sent: 5, Received: 6})
	s = r.Snapshot(all, registry.Query{})
	if got := s.Totals; len(s.Connections) != 0 || got.Open != 0 || got.Handshakes != 1 ||
		got.Sent != 5 || got.Received != 6 {
		t.Errorf("when it is over: %+v, totals %+v", s.Connections, got)
	}
	// What does not fit a connection's life changes nothing.
	e.Ended(engine.End{Sent: 5})
	e.Failed(errors.New("late"))
	e.Established(facts, m)
	if again := r.Snapshot(all, registry.Query{}); !reflect.DeepEqual(again, s) {
		t.Errorf("calls about what is over changed\n%+v to\n%+v", s, again)
	}
}

func TestShort(t *testing.T) {
	for want, p := range map[string]registry.ProgramInfo{
		"curl": {Exe: "/usr/bin/curl"}, "nginx": {Exe: "/usr/sbin/nginx (deleted)"}, "pip": {Exe: "/usr/bin/python3", Script: "/usr/bin/pip"}, "": {}, "x": {Exe: "x"},
	} {
		if got := p.Short(); got != want {
			t.Errorf("%+v is %q, want %q", p, got, want)
		}
	}
}

func TestViewers(t *testing.T) {
	r := registry.New(registry.Config{})
	r.Begin(client(1)).Established(facts, after(1, 2))
	r.Begin(server(2)).Established(facts, after(10, 20))
	r.Begin(server(3)).Failed(&engine.Error{Reason: engine.Untrusted, Sentence: "not you"})
	r.Tick()
	r.WatchQueue("handshakes", func() int { return 4 })
	r.WatchKeyLogs(func() []registry.KeyLog { return []registry.KeyLog{{Profile: "web"}} })
	r.SetCertificates([]registry.Certificate{{Identity: "www", NotAfter: time.Now()}})
	for _, tc := range []struct {
		name                                  string
		viewer                                registry.Viewer
		connections, refusals, programs, rest int
		sent                                  int64
	}{
		{"everything", all, 2, 1, 2, 1, 11},
		{"of curl's user", registry.Viewer{UID: 1000}, 1, 0, 1, 0, 1},
		{"of nginx' user", registry.Viewer{UID: 33}, 1, 1, 1, 0, 10},
		{"of nobody", registry.Viewer{UID: 0}, 0, 0, 0, 0, 0},
	} {
		s := r.Snapshot(tc.viewer, registry.Query{Series: true})
		if len(s.Connections) != tc.connections || len(s.Refusals) != tc.refusals ||
			len(s.Programs) != tc.programs || s.Totals.Sent != tc.sent || s.Totals.Open != tc.connections {
			t.Errorf("%s: %d connections, %d refusals, %d programs, totals %+v", tc.name, len(s.Connections), len(s.Refusals), len(s.Programs), s.Totals)
		}
		if len(s.Certificates) != tc.rest || len(s.KeyLogs) != tc.rest || len(s.Series) != 2*tc.rest ||
			len(s.Service.Queues) != tc.rest || s.AllUsers != tc.viewer.All {
			t.Errorf("%s: the administrator's part is %+v %+v %d %v", tc.name, s.Certificates, s.KeyLogs, len(s.Series), s.Service.Queues)
		}
		if s := r.Snapshot(tc.viewer, registry.Query{ID: 1}); len(s.Connections) > 0 &&
			tc.viewer.UID == 33 {
			t.Errorf("%s: another user's connection by its number: %+v", tc.name, s.Connections)
		}
	}
}

func TestRefusals(t *testing.T) {
	var audited []registry.Refusal
	r := registry.New(registry.Config{Audit: func(f registry.Refusal) {
		audited = append(audited,
			f)
	}})
	for i, tc := range []struct {
		err  error
		what string // "" for a failure that nobody decided
	}{
		{&engine.Error{Reason: engine.Refused, Sentence: "the policy"}, registry.ByPolicy},
		{fmt.Errorf("wrapped: %w", &engine.Error{Reason: engine.Untrusted, Sentence: "who"}), registry.ByTrust},
		{&engine.Error{Reason: engine.Limited, Sentence: "many"}, registry.ByLimit},
		{&engine.Error{Reason: engine.Network, Sentence: "away"}, ""},
		{errors.New("other"), ""},
	} {
		before := len(audited)
		r.Begin(client(uint64(i + 1))).Failed(tc.err)
		switch {
		case tc.what == "" && len(audited) != before:
			t.Errorf("%v is a refusal: %+v", tc.err, audited[before])
		case tc.what != "":
			if len(audited) != before+1 {
				t.Fatalf("%v is no refusal", tc.err)
			}
			if f := audited[before]; f.What != tc.what || f.ID != uint64(i+1) ||
				f.Sentence != tc.err.Error() ||
				f.Peer != "192.0.2.1:443" || f.Program.PID != 10 || f.Time.IsZero() {
				t.Errorf("%v is told as %+v", tc.err, f)
			}
		}
	}
	r.Refused(nginx, registry.Refusal{What: registry.Impersonation, Sentence: "spoke for 1"})
	s := r.Snapshot(all, registry.Query{})
	if !reflect.DeepEqual(s.Refusals, audited) {
		t.Errorf("shown %+v, audited %+v", s.Refusals, audited)
	}
	if got, want := s.Totals.Refused, map[string]uint64{"policy": 1, "untrusted": 1, "limit": 1,
		"impersonation": 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("refused %v, want %v", got, want)
	}
	if got, want := s.Totals.Failed, map[string]uint64{"refused": 1, "untrusted": 1, "limited": 1,
		"network": 1, "internal": 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("failed %v, want %v", got, want)
	}
}

// One user's refusals must not push out everybody else's.
func TestRefusalsOfOneUser(t *testing.T) {
	r := registry.New(registry.Config{})
	r.Refused(nginx, registry.Refusal{What: registry.ByLimit})
	for i := range 10000 {
		r.Refused(curl, registry.Refusal{What: registry.ByPolicy, ID: uint64(i)})
	}
	if n := len(r.Snapshot(registry.Viewer{UID: 33}, registry.Query{}).Refusals); n != 1 {
		t.Errorf("nginx' refusal is shown %d times", n)
	}
	mine := r.Snapshot(registry.Viewer{UID: 1000}, registry.Query{}).Refusals
	if len(mine) != 128 || mine[127].ID != 9999 || mine[0].ID != 9872 {
		t.Errorf("%d refusals are kept, not the last 128", len(mine))
	}
	for range 1000 { // somebody speaks for nginx, and that pushes out his own refusals alone
		r.Refused(nginx, registry.Refusal{What: registry.Impersonation, Caller: 77})
	}
	theirs := r.Snapshot(registry.Viewer{UID: 33}, registry.Query{}).Refusals
	if len(theirs) != 129 || theirs[0].What != registry.ByLimit {
		t.Errorf("nginx is told %d refusals, the first %+v", len(theirs), theirs[0])
	}
	for uid := range uint32(2000) {
		r.Refused(registry.ProgramInfo{UID: uid}, registry.Refusal{What: registry.ByPolicy})
	}
	if n := len(r.Snapshot(all, registry.Query{}).Refusals); n != 512 {
		t.Errorf("%d refusals are kept of many users", n)
	}
}

// Programs that are gone are summed up; those with connections stay.
func TestProgramsAreBounded(t *testing.T) {
	r := registry.New(registry.Config{})
	stays := r.Begin(client(1))
	stays.Established(facts, after(1, 1))
	for i := range 2000 {
		c := client(uint64(i + 2))
		c.Program.Exe = fmt.Sprint("/tmp/", i)
		e := r.Begin(c)
		if i%2 == 0 {
			e.Failed(&engine.Error{Reason: engine.Refused, Sentence: "no"})
			continue
		}
		e.Established(facts, &moved{})
		e.Ended(engine.End{Sent: 1, Received: 2})
	}
	s := r.Snapshot(all, registry.Query{})
	if len(s.Programs) > 513 {
		t.Errorf("%d programs are listed", len(s.Programs))
	}
	if got := s.Totals; got.Handshakes != 1001 || got.Failed["refused"] != 1000 ||
		got.Refused["policy"] != 1000 || got.Sent != 1001 || got.Received != 2001 {
		t.Errorf("sums were lost: %+v", got)
	}
	if p := s.Programs[0]; p.Program.Exe != curl.Exe || p.Open != 1 {
		t.Errorf("the program with a connection is %+v", p)
	}
}

func TestLongTexts(t *testing.T) {
	r := registry.New(registry.Config{})
	long := string(make([]byte, 1<<20))
	c := client(1)
	c.Name, c.Program.Exe, c.Program.Script, c.Program.Cgroup = long, long, long, long
	f := *facts
	f.PeerIdentity, f.ServerName = long, long
	r.Begin(c).Established(&f, &moved{})
	r.Refused(c.Program, registry.Refusal{Sentence: long, Name: long})
	data, err := r.Answer(all, nil)
	if err != nil || len(data) > 64<<10 {
		t.Errorf("the answer has %d bytes, %v", len(data), err)
	}
}

func TestSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry.New(registry.Config{})
		var owner sync.WaitGroup
		owner.Go(func() { r.Run(t.Context()) })
		t.Cleanup(owner.Wait)
		m := &moved{}
		e := r.Begin(client(1))
		e.Established(facts, m)
		for range 25 * 360 { // 25 hours
			m.sent.Add(2)
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		e.Ended(engine.End{Sent: m.sent.Load(), Received: 7})
		r.Begin(client(2)).Failed(&engine.Error{Reason: engine.Refused})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s := r.Snapshot(all, registry.Query{Series: true}).Series
		if len(s) != 2 || s[0].Step != 10 || s[1].Step != 300 || len(s[0].Points) != 360 ||
			len(s[1].Points) != 288 {
			t.Fatalf("series %d", len(s))
		}
		last, before := s[0].Points[359], s[0].Points[358]
		if last.Open != 0 || last.Received != 7 || last.Sent != 0 || last.Failed != 1 ||
			last.Refused != 1 || before.Open != 1 || before.Sent != 2 {
			t.Errorf("the last points are %+v and %+v", before, last)
		}
		if c := s[1].Points[287]; c.Sent != 60 || c.Open != 1 || !c.Time.After(s[1].Points[286].Time) {
			t.Errorf("five minutes are %+v", c)
		}
	})
}

func TestCertificates(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := registry.New(registry.Config{Now: func() time.Time { return now }})
	day := 24 * time.Hour
	r.SetCertificates([]registry.Certificate{
		{Identity: "later", NotAfter: now.Add(31 * day)}, {Identity: "over", NotAfter: now.Add(-day)},
		{Identity: "soon", NotAfter: now.Add(29 * day)}})
	got := ""
	for _, c := range r.Certificates() {
		got += fmt.Sprintf("%s %v ", c.Identity, c.Soon)
	}
	if want := "over true soon true later false "; got != want {
		t.Errorf("certificates %s, want %s", got, want)
	}
}

// Who must renew a certificate is told at once, and every day.
func TestExpiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := map[string]int{}
		r := registry.New(registry.Config{ExpiryWarning: 48 * time.Hour,
			Expiring: func(c registry.Certificate) { told[c.Identity]++ }})
		r.SetCertificates([]registry.Certificate{
			{Identity: "a", NotAfter: time.Now().Add(47 * time.Hour)},
			{Identity: "b", NotAfter: time.Now().Add(60 * time.Hour)},
			{Identity: "c", NotAfter: time.Now().Add(1000 * time.Hour)}})
		if want := map[string]int{"a": 1}; !reflect.DeepEqual(told, want) {
			t.Errorf("at the beginning %v, want %v", told, want)
		}
		r.SetCertificates(r.Certificates()) // the policy was loaded again
		if want := map[string]int{"a": 1}; !reflect.DeepEqual(told, want) {
			t.Errorf("of the same certificates %v, want %v", told, want)
		}
		var owner sync.WaitGroup
		owner.Go(func() { r.Run(t.Context()) })
		t.Cleanup(owner.Wait)
		time.Sleep(49 * time.Hour)
		synctest.Wait()
		if want := map[string]int{"a": 3, "b": 2}; !reflect.DeepEqual(told, want) {
			t.Errorf("after two days %v, want %v", told, want)
		}
	})
}

// The names of programs in metrics stay, and are bounded.
func TestLabels(t *testing.T) {
	r := registry.New(registry.Config{})
	for i := range 3000 {
		c := client(uint64(i))
		c.Program.Exe = fmt.Sprint("/tmp/", i)
		e := r.Begin(c)
		e.Established(facts, after(1, 1))
		if i%2 == 0 {
			e.Ended(engine.End{Sent: 1, Received: 1})
		}
	}
	c := r.Counters()
	if len(c.Programs) != 65 ||
		c.Programs["0"] != (registry.LabelCounts{Handshakes: 1, Sent: 1, Received: 1}) ||
		c.Programs["(others)"] != (registry.LabelCounts{Open: 1468, Handshakes: 2936, Sent: 2936,
			Received: 2936}) {
		t.Errorf("%d names, the first %+v, the others %+v", len(c.Programs), c.Programs["0"],
			c.Programs["(others)"])
	}
}

// An answer has room for some connections with the longest texts only.
func TestAnswerIsBounded(t *testing.T) {
	r := registry.New(registry.Config{})
	for i := range uint64(6000) {
		c := client(i + 1)
		c.Name = strings.Repeat("x", 400) + fmt.Sprint(i)
		f := *facts
		f.PeerIdentity = c.Name
		r.Begin(c).Established(&f, &moved{})
	}
	data, err := r.Answer(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s registry.Status
	if err := json.Unmarshal(data, &s); err != nil || len(data) > 3<<20 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	if n := len(s.Connections); n == 0 || n+s.LeftOut != 6000 || s.Connections[n-1].ID != 6000 {
		t.Errorf("%d connections are told, %d left out", n, s.LeftOut)
	}
}

func TestCounters(t *testing.T) {
	r := registry.New(registry.Config{})
	m := after(5, 6)
	r.Begin(client(1)).Established(facts, m)
	r.Begin(server(2)).Failed(&engine.Error{Reason: engine.Protocol})
	r.Begin(server(3)).Established(facts, m)
	r.Reloaded(nil)
	r.Reloaded(errors.New("no file"))
	c := r.Counters()
	ok := registry.HandshakeKey{Role: "client", Profile: "default", Version: "TLS 1.3",
		Suite: "TLS_AES_128_GCM_SHA256"}
	bad := registry.HandshakeKey{Role: "server", Profile: "web", Reason: "protocol"}
	if c.Handshakes[ok] != 1 || c.Handshakes[bad] != 1 || len(c.Handshakes) != 3 || c.Sent != 10 ||
		c.Received != 12 ||
		c.Open["client"]["default"] != 1 || c.Open["server"]["web"] != 1 || c.Reloads.Done != 1 ||
		c.Reloads.Failed != 1 || c.Reloads.Problem != "no file" {
		t.Errorf("counters %+v", c)
	}
	if h := c.Times["client"]; len(h.Counts) != len(h.Bounds)+1 ||
		h.Counts[0]+h.Counts[1]+h.Counts[2]+h.Counts[3] != 1 {
		t.Errorf("times of clients %+v", h)
	}
}

// Connections come and go while others look.
func TestConcurrency(t *testing.T) {
	r := registry.New(registry.Config{})
	var wg sync.WaitGroup
	for n := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(300) {
				e := r.Begin(client(n*1000 + i))
				if i%3 == 0 {
					e.Failed(&engine.Error{Reason: engine.Refused})
					continue
				}
				e.Established(facts, after(1, 1))
				e.Ended(engine.End{Sent: 1, Received: 1})
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			if _, err := r.Answer(all, []byte(`{"series":true}`)); err != nil {
				t.Error(err)
			}
			r.Tick()
			r.Counters()
		}
	})
	wg.Wait()
	if got := r.Snapshot(all, registry.Query{}).Totals; got.Open != 0 || got.Handshakes != 800 ||
		got.Sent != 800 || got.Failed["refused"] != 400 {
		t.Errorf("totals %+v", got)
	}
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"id":3,"series":true}`, `{"connections":-5}`,
		`{"other":1}`, "{}{}"} {
		f.Add([]byte(seed))
	}
	r := registry.New(registry.Config{})
	r.Begin(client(1)).Established(facts, &moved{})
	f.Fuzz(func(t *testing.T, data []byte) {
		answer, err := r.Answer(registry.Viewer{UID: 1}, data)
		if err != nil {
			if answer != nil {
				t.Error("an answer with an error")
			}
			return
		}
		var s registry.Status
		if err := json.Unmarshal(answer, &s); err != nil || s.Version != registry.StatusVersion ||
			len(s.Connections) != 0 {
			t.Errorf("%v: %s", err, answer)
		}
	})
}
