package local_test

import (
	"crypto/tls"
	"slices"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestClientResumption(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example", "b.example"}})
	alice := makeIdentity(t, a.Issue(t, ssatest.Leaf{Subject: "alice", Client: true}))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			cfg := &tls.Config{Certificates: []tls.Certificate{issued.TLS}, MaxVersion: version}
			e := local.New(local.Config{})
			pol := effective(a)
			// connectAs returns whether a connection resumed.
			connectAs := func(change func(*engine.Request, *policy.Effective)) bool {
				t.Helper()
				copied := *pol
				req := &engine.Request{Name: "a.example", Policy: &copied, Port: 443}
				if change != nil {
					change(req, &copied)
				}
				conn, err := connect(t, e, req, cfg)
				if err != nil {
					t.Fatal(err)
				}
				converse(t, conn)
				facts := conn.Facts()
				if facts.Version != version || facts.PeerIdentity != req.Name || len(facts.PeerChain) != 1 {
					t.Errorf("facts %s are incomplete", fmtFacts(*facts))
				}
				return facts.Resumed
			}
			if connectAs(nil) {
				t.Fatal("the first connection resumed")
			}
			for i := range 3 {
				if !connectAs(nil) {
					t.Errorf("connection %d did not resume", i+2)
				}
			}
			for name, change := range map[string]func(*engine.Request, *policy.Effective){
				"another profile":       func(_ *engine.Request, p *policy.Effective) { p.Profile = "other" },
				"another name":          func(r *engine.Request, _ *policy.Effective) { r.Name = "b.example" },
				"another port":          func(r *engine.Request, _ *policy.Effective) { r.Port = 444 },
				"other protocols":       func(r *engine.Request, _ *policy.Effective) { r.ALPN = []string{"x"} },
				"another identity":      func(r *engine.Request, _ *policy.Effective) { r.Identities = []*identity.Identity{alice} },
				"other anchors":         func(_ *engine.Request, p *policy.Effective) { p.Anchors = policy.FixedAnchors(a.Certificate()) },
				"resumption turned off": func(_ *engine.Request, p *policy.Effective) { p.Resumption = false },
				"anchors of a program":  func(r *engine.Request, _ *policy.Effective) { r.ProgramRoots = append(r.ProgramRoots, a.Certificate()) },
			} {
				if connectAs(change) {
					t.Errorf("%s: the connection resumed", name)
				}
			}
			if !connectAs(nil) {
				t.Error("the first settings do not resume any more")
			}
		})
	}
}

// A session is no way round verification: what would not be accepted in a full
// handshake is not accepted in a resumed one.
func TestResumptionVerifiesAgain(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	start := time.Now()
	// The intermediate expires before the leaf, which crypto/tls does not see.
	middle := a.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Short",
		NotAfter: start.Add(time.Hour)})
	issued := middle.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			now := start
			e := local.New(local.Config{Now: func() time.Time { return now }})
			resumed := false
			cfg := &tls.Config{Certificates: []tls.Certificate{issued.TLS}, MaxVersion: version}
			cfg.VerifyConnection = func(cs tls.ConnectionState) error { resumed = cs.DidResume; return nil }
			req := &engine.Request{Name: "a.example", Policy: effective(a), Port: 443}
			for i := range 2 {
				conn, err := connect(t, e, req, cfg)
				if err != nil {
					t.Fatal(err)
				}
				converse(t, conn)
				if conn.Facts().Resumed != (i == 1) {
					t.Errorf("connection %d: resumed %v", i+1, conn.Facts().Resumed)
				}
			}
			now = start.Add(2 * time.Hour)
			ours, theirs := tcpPair(t)
			wait := peer(t, func() { serve(theirs, cfg) })
			_, err := e.Handshake(wontHang(t), ours, req)
			failure(t, err, engine.Untrusted, `the intermediate certificate "CN=Short" expired on `+
				middle.Certificate().NotAfter.UTC().Format("2006-01-02 15:04 UTC")+" (1 hour ago)")
			wait()
			if !resumed {
				t.Error("the handshake was a full one: this test tried nothing")
			}
		})
	}
}

func TestServerResumption(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	id := makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example", "b.example"}}))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			now := time.Now()
			e := local.New(local.Config{Now: func() time.Time { return now }})
			// The client offers its newest session whatever the name is.
			cache := &anyName{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			acceptAs := func(change func(*engine.Request, *policy.Effective, *tls.Config)) bool {
				t.Helper()
				client := &tls.Config{ServerName: "a.example", RootCAs: a.Pool(), MaxVersion: version,
					ClientSessionCache: cache}
				req := &engine.Request{Role: engine.Server, Policy: effective(),
					Identities: []*identity.Identity{id}}
				if change != nil {
					change(req, req.Policy, client)
				}
				conn, err, tlsClient, clientErr := accept(t, e, req, client)
				if err != nil || clientErr != nil {
					t.Fatalf("server: %v, client: %v", err, clientErr)
				}
				greet(t, conn, tlsClient)
				if did := tlsClient.ConnectionState().DidResume; did != conn.Facts().Resumed {
					t.Errorf("the client resumed: %v, the server: %v", did, conn.Facts().Resumed)
				}
				return conn.Facts().Resumed
			}
			// The policy's anchors are part of the settings; keep them.
			anchors := effective().Anchors
			same := func(_ *engine.Request, p *policy.Effective, _ *tls.Config) { p.Anchors = anchors }
			if acceptAs(same) {
				t.Fatal("the first connection resumed")
			}
			if !acceptAs(same) {
				t.Error("the second connection did not resume")
			}
			now = now.Add(5 * time.Hour) // hours short of any lifetime, but with another ticket key
			if !acceptAs(same) {
				t.Error("a session of five hours did not resume")
			}
			kept := cache.last
			for name, change := range map[string]func(*engine.Request, *policy.Effective, *tls.Config){
				"another profile":       func(_ *engine.Request, p *policy.Effective, _ *tls.Config) { p.Profile = "other" },
				"another name":          func(_ *engine.Request, _ *policy.Effective, c *tls.Config) { c.ServerName = "b.example" },
				"resumption turned off": func(_ *engine.Request, p *policy.Effective, _ *tls.Config) { p.Resumption = false },
				"other protocols":       func(r *engine.Request, _ *policy.Effective, _ *tls.Config) { r.ALPN = []string{"x"} },
			} {
				cache.last = kept
				resumed := acceptAs(func(r *engine.Request, p *policy.Effective,
					c *tls.Config) {
					same(r, p, c)
					change(r, p, c)
				})
				if resumed {
					t.Errorf("%s: the connection resumed", name)
				}
			}
			cache.last = kept
			if !acceptAs(same) {
				t.Error("the first settings do not resume any more")
			}
			cache.last = kept
			now = now.Add(25 * time.Hour)
			if acceptAs(same) {
				t.Error("a session older than its lifetime resumed")
			}
		})
	}
}

// anyName is a client's cache that gives the same session to every name.
type anyName struct {
	tls.ClientSessionCache
	last *tls.ClientSessionState
}

func (c *anyName) Get(string) (*tls.ClientSessionState, bool) { return c.last, c.last != nil }

func (c *anyName) Put(_ string, state *tls.ClientSessionState) {
	if state != nil {
		c.last = state
	}
}

// The order of protocols and suites matters to those who set them: settings
// that differ in it alone are not the same.
func TestSettingsTellOrderApart(t *testing.T) {
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	e := local.New(local.Config{})
	cfg := &tls.Config{Certificates: []tls.Certificate{issued.TLS}}
	var offered []string
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered = slices.Clone(hello.SupportedProtos)
		return nil, nil
	}
	pol := effective(a)
	for _, alpn := range [][]string{{"a", "b"}, {"b", "a"}, {"ab"}, nil} {
		ours, theirs := tcpPair(t)
		wait := peer(t, func() { serve(theirs, cfg) })
		conn, err := e.Handshake(wontHang(t), ours,
			&engine.Request{Name: "a.example", Policy: pol, ALPN: alpn})
		if err != nil {
			t.Fatal(err)
		}
		conn.Abort()
		wait()
		if !slices.Equal(offered, alpn) {
			t.Errorf("offered %q, want %q", offered, alpn)
		}
	}
}
