//go:build linux

package dashboard

import (
	"encoding/json"
	"errors"
	"math"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/dashboard"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// evil is a name as a peer or a program may choose it.
const evil = `<img src=x onerror="window.hit=1">`

// sample is a dashboard of a service that is not there.
type sample struct {
	url string

	mu     sync.Mutex
	status *registry.Status // nil: the service is away
}

func (s *sample) set(status *registry.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *sample) ask(series bool) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == nil {
		return nil, errors.New("no service is running")
	}
	told := *s.status
	if !series {
		told.Series = nil
	}
	return json.Marshal(told)
}

// serve serves it.
func serve(t *testing.T) *sample {
	t.Helper()
	s := &sample{}
	server := httptest.NewUnstartedServer(nil)
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	server.Config.Handler = dashboard.Handler(dashboard.Config{Ask: s.ask, Key: "ABC", Address: at})
	server.Start()
	t.Cleanup(server.Close)
	s.url = "http://" + at.String() + "/#key=ABC"
	return s
}

// busy is the status of a service with much to show, much of it hostile.
func busy() *registry.Status {
	now := time.Now().UTC().Truncate(time.Second)
	curl := registry.ProgramInfo{PID: 1234, UID: 1000, User: "alice", Exe: "/usr/bin/curl",
		Profile: "default"}
	web := registry.ProgramInfo{PID: 77, UID: 33, User: "www-data", Exe: "/usr/sbin/lighttpd",
		Profile: "web"}
	sync := registry.ProgramInfo{PID: 900, UID: 1001, User: "bob", Exe: "/usr/bin/python3.11",
		Script: "/home/bob/bin/sync.py", Profile: "default"}
	bad := registry.ProgramInfo{PID: 666, UID: 1002, User: evil, Exe: "/tmp/" + evil, Profile: evil}
	s := &registry.Status{
		Version: registry.StatusVersion, Time: now, AllUsers: true,
		Service: registry.Service{Build: "v1.0 " + evil, Started: now.Add(-50 * time.Hour)},
		Totals: registry.Totals{Open: 40, Connecting: 1, Handshakes: 18234, Resumed: 13021,
			Failed:  map[string]uint64{"network": 31, "timed-out": 4},
			Refused: map[string]uint64{"policy": 17, "untrusted": 23}, Sent: 81234567890,
			Received: 7123456789},
		Programs: []registry.ProgramTotals{
			{Program: curl, Open: 12, Refused: map[string]uint64{"untrusted": 21, "policy": 3}},
			{Program: web, Open: 25, Refused: map[string]uint64{"limit": 2}},
			{Program: bad, Open: 1, Refused: map[string]uint64{"policy": 14, "impersonation": 5, evil: 1}},
		},
		Refusals: []registry.Refusal{
			{Time: now.Add(-time.Hour), ID: 5, Program: curl, Name: "old.example", What: "untrusted", Sentence: "the certificate of old.example expired on 2020-01-01"},
			{Time: now.Add(-time.Minute), ID: 9, Program: bad, Name: evil, What: evil, Sentence: evil, Position: "/etc/ssa/policy.yaml:12: " + evil},
		},
		KeyLogs: []registry.KeyLog{{Profile: evil, Until: now.Add(time.Minute)}},
		Certificates: []registry.Certificate{
			{Identity: "expired", Names: []string{"old.example"}, Issuer: "CN=Example CA", NotAfter: now.Add(-48 * time.Hour), Profiles: []string{"web"}, Soon: true},
			{Identity: "www", Names: []string{"www.example", "example"}, Issuer: "CN=Example CA", NotAfter: now.Add(12 * 24 * time.Hour), Profiles: []string{"web"}, Soon: true},
			{Identity: evil, Names: []string{evil}, Issuer: evil, NotAfter: now.Add(75 * 24 * time.Hour), Profiles: []string{evil}},
		},
	}
	for i := range 39 {
		c := registry.ConnectionInfo{ID: uint64(100 + i), State: "connected", Role: "server",
			Program: web, Peer: "192.0.2.17:50123", Began: now.Add(-time.Duration(i*i) * time.Minute),
			Version: "TLS 1.3", Suite: "TLS_AES_128_GCM_SHA256", Group: "X25519MLKEM768", ALPN: "h2",
			Resumed: i%3 == 0, Sent: int64(i) * 123456, Received: int64(i * 777), Active: now}
		switch {
		case i%4 == 1:
			c.Role, c.Program, c.Name, c.PeerIdentity = "client", curl, "api.example", "api.example"
		case i%10 == 2:
			c.Role, c.Program, c.Name, c.Version, c.Suite = "client", sync, "backup.example", "TLS 1.2",
				"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
		}
		s.Connections = append(s.Connections, c)
	}
	s.Connections = append(s.Connections, registry.ConnectionInfo{ID: math.MaxUint64,
		State: "handshake", Role: evil, Program: bad, Name: evil, Peer: evil, Began: now})
	s.Series = []registry.Series{{Step: 10, Points: points(now, 10*time.Second, 360)},
		{Step: 300, Points: points(now, 5*time.Minute, 200)}}
	return s
}

func points(now time.Time, step time.Duration, n int) []registry.Point {
	var all []registry.Point
	for i := range n {
		wave := 1 + math.Sin(float64(i)/25)
		all = append(all, registry.Point{Time: now.Add(-time.Duration(n-1-i) * step),
			Open: int(20 + 15*wave), Resumed: uint64(9 * wave), Failed: uint64(i % 17 / 16),
			Refused:  uint64(i % 40 / 38),
			Versions: map[string]uint64{"TLS 1.3": uint64(20 * wave), "TLS 1.2": uint64(3 + i%5)},
			Suites: map[string]uint64{"TLS_AES_128_GCM_SHA256": uint64(14 * wave),
				"TLS_CHACHA20_POLY1305_SHA256":          uint64(6 * wave),
				"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": uint64(3 + i%5), evil: 1},
			Sent: int64(3e6 * wave), Received: int64(4e5 * (2 - wave))})
	}
	return all
}
