package local_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/engine/session"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// oneSecret is a ticket store whose machines have got the seeds of every epoch.
type oneSecret byte

func (s *oneSecret) Seed(epoch int64) ([32]byte, bool) {
	return [32]byte{byte(*s),
		byte(epoch)}, true
}
func (s *oneSecret) Version() uint64 { return 0 }

// machine is a server's end with memory of its own: nothing that it has was
// made by another, but for what the files of both say.
type machine struct {
	engine  *local.Engine
	request engine.Request
}

// farm makes machines that have the same files and clock.
type farm struct {
	client, server *ssatest.Authority
	issued         *ssatest.Issued
	now            time.Time
}

func (f *farm) machine(t *testing.T, secret byte,
	change func(*engine.Request, *policy.Effective)) *machine {
	t.Helper()
	seeds := oneSecret(secret)
	m := &machine{engine: local.New(local.Config{
		Now:         func() time.Time { return f.now },
		TicketSeeds: func(*policy.TicketStore) session.Seeds { return &seeds },
	})}
	t.Cleanup(m.engine.Close)
	authority, err := x509.ParseCertificate(f.client.Certificate().Raw)
	if err != nil {
		t.Fatal(err)
	}
	pol := effective()
	pol.Anchors = policy.FixedAnchors(authority)
	pol.TicketStore = &policy.TicketStore{}
	m.request = engine.Request{Role: engine.Server, Policy: pol,
		Identities: []*identity.Identity{makeIdentity(t, f.issued)}, Sharers: "profile"}
	if change != nil {
		change(&m.request, pol)
	}
	return m
}

// visit makes a connection and says whether it resumed; an error is the
// server's.
func (m *machine) visit(t *testing.T, client *tls.Config) (resumed bool, err error) {
	t.Helper()
	req, pol := m.request, *m.request.Policy
	req.Policy = &pol
	conn, err, tlsClient, clientErr := accept(t, m.engine, &req, client)
	if err != nil {
		return false, err
	}
	if clientErr != nil {
		t.Fatalf("client: %v", clientErr)
	}
	greet(t, conn, tlsClient)
	return conn.Facts().Resumed, nil
}

func TestServersOnTwoMachines(t *testing.T) {
	ssatest.NoLeaks(t)
	f := &farm{client: ssatest.NewAuthority(t), server: ssatest.NewAuthority(t), now: time.Now()}
	f.issued = f.server.Issue(t, ssatest.Leaf{Names: []string{"a.example", "b.example"}})
	alice := f.client.Issue(t, ssatest.Leaf{Subject: "alice", Client: true})
	other := f.server.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, auth := range []policy.ClientAuth{policy.ClientAuthNone, policy.ClientAuthRequest,
			policy.ClientAuthRequire} {
			t.Run(tls.VersionName(version)+" client_auth "+auth.String(), func(t *testing.T) {
				cache := &anyName{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
				client := func() *tls.Config {
					cfg := &tls.Config{ServerName: "a.example", RootCAs: f.server.Pool(), MaxVersion: version,
						ClientSessionCache: cache}
					if auth != policy.ClientAuthNone {
						cfg.Certificates = []tls.Certificate{alice.TLS}
					}
					return cfg
				}
				same := func(_ *engine.Request, p *policy.Effective) { p.ClientAuth = auth }
				if resumed, err := f.machine(t, 1, same).visit(t, client()); err != nil || resumed {
					t.Fatalf("the first connection: resumed %v, error %v", resumed, err)
				}
				kept := cache.last
				for range 3 {
					cache.last = kept
					if resumed, err := f.machine(t, 1, same).visit(t, client()); err != nil || !resumed {
						t.Errorf("another machine with the same policy: resumed %v, error %v", resumed, err)
					}
				}
				cache.last = kept
				if resumed, err := f.machine(t, 2, same).visit(t, client()); err != nil || resumed {
					t.Errorf("a machine with other seeds: resumed %v, error %v", resumed, err)
				}
				for name, change := range map[string]func(*engine.Request, *policy.Effective){
					"another profile": func(_ *engine.Request, p *policy.Effective) { p.Profile = "other" },
					"other sharers":   func(r *engine.Request, _ *policy.Effective) { r.Sharers = "user 1" },
					"another certificate": func(r *engine.Request, _ *policy.Effective) {
						r.Identities = []*identity.Identity{makeIdentity(t, other)}
					},
					"other protocols":  func(r *engine.Request, _ *policy.Effective) { r.ALPN = []string{"x"} },
					"another lifetime": func(_ *engine.Request, p *policy.Effective) { p.Lifetime = time.Hour },
					"no resumption":    func(_ *engine.Request, p *policy.Effective) { p.Resumption = false },
					"no ticket store":  func(_ *engine.Request, p *policy.Effective) { p.TicketStore = nil },
					"larger keys":      func(_ *engine.Request, p *policy.Effective) { p.MinRSABits = 4096 },
					"fewer suites":     func(_ *engine.Request, p *policy.Effective) { p.CipherSuites13 = []uint16{tls.TLS_AES_128_GCM_SHA256} },
					"other anchors":    func(_ *engine.Request, p *policy.Effective) { p.Anchors = effective(f.client, f.server).Anchors },
					"roots of the program": func(r *engine.Request, _ *policy.Effective) {
						r.ProgramRoots = []*x509.Certificate{f.client.Certificate()}
					},
					"another clock": func(*engine.Request, *policy.Effective) {
						f.now = f.now.Add(25 * time.Hour)
					},
				} {
					cache.last = kept
					start := f.now
					resumed, err := f.machine(t, 1,
						func(r *engine.Request, p *policy.Effective) { same(r, p); change(r, p) }).visit(t,
						func() *tls.Config {
							cfg := client()
							cfg.Time = func() time.Time { return start }
							return cfg
						}())
					f.now = start
					// A day later the client's certificate has expired.
					if resumed || err != nil && name != "another clock" {
						t.Errorf("%s: resumed %v, error %v", name, resumed, err)
					}
				}
			})
		}
	}
}

// What one machine did not ask for, another does not take as given.
func TestTicketsSkipNothingOnAnotherMachine(t *testing.T) {
	ssatest.NoLeaks(t)
	f := &farm{client: ssatest.NewAuthority(t), server: ssatest.NewAuthority(t), now: time.Now()}
	f.issued = f.server.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	alice := f.client.Issue(t, ssatest.Leaf{Subject: "alice", Client: true,
		NotAfter: f.now.Add(time.Hour)})
	auth := func(a policy.ClientAuth) func(*engine.Request, *policy.Effective) {
		return func(_ *engine.Request, p *policy.Effective) { p.ClientAuth = a }
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			cache := &anyName{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			cfg := &tls.Config{ServerName: "a.example", RootCAs: f.server.Pool(), MaxVersion: version,
				ClientSessionCache: cache}
			if _, err := f.machine(t, 1, auth(policy.ClientAuthNone)).visit(t, cfg); err != nil {
				t.Fatal(err)
			}
			if _, err := f.machine(t, 1, auth(policy.ClientAuthRequire)).visit(t, cfg); err == nil {
				t.Error("a client without a certificate got in with a session of a machine that asks for none")
			}

			cache.last = nil
			cfg.Certificates = []tls.Certificate{alice.TLS}
			start := f.now
			defer func() { f.now = start }()
			if _, err := f.machine(t, 1, auth(policy.ClientAuthRequire)).visit(t, cfg); err != nil {
				t.Fatal(err)
			}
			f.now = start.Add(2 * time.Hour) // within the lifetime of the session
			if _, err := f.machine(t, 1, auth(policy.ClientAuthRequire)).visit(t, cfg); err == nil {
				t.Error("a client whose certificate has expired got in with a session of another machine")
			}
		})
	}
}
