package local_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// clientAuthRig is a server that asks for certificates, and those who may come.
type clientAuthRig struct {
	authority, other *ssatest.Authority
	server           *identity.Identity
	// alice is a client of the authority, mallory one of the other, web a
	// server of the authority, old a client of it that has expired.
	alice, mallory, web, old *ssatest.Issued
}

func newClientAuthRig(t *testing.T) *clientAuthRig {
	a, other := ssatest.NewAuthority(t), ssatest.NewAuthority(t)
	return &clientAuthRig{
		authority: a, other: other,
		server:  makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})),
		alice:   a.Intermediate(t).Issue(t, ssatest.Leaf{Subject: "alice", Client: true}),
		mallory: other.Issue(t, ssatest.Leaf{Subject: "mallory", Client: true}),
		web:     a.Issue(t, ssatest.Leaf{Subject: "web", Names: []string{"web.example"}}),
		old: a.Issue(t, ssatest.Leaf{Subject: "old", Client: true,
			NotBefore: time.Now().Add(-48 * time.Hour),
			NotAfter:  time.Now().Add(-24 * time.Hour)}),
	}
}

func (r *clientAuthRig) request(auth policy.ClientAuth) *engine.Request {
	pol := effective(r.authority)
	pol.ClientAuth = auth
	return &engine.Request{Role: engine.Server, Policy: pol,
		Identities: []*identity.Identity{r.server}}
}

// client shows a certificate whatever the server's hints are.
func (r *clientAuthRig) client(version uint16, show *ssatest.Issued) *tls.Config {
	cfg := &tls.Config{ServerName: "a.example", RootCAs: r.authority.Pool(), MinVersion: version,
		MaxVersion: version}
	if show != nil {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &show.TLS, nil
		}
	}
	return cfg
}

// refusal is what the client sees of it: in TLS 1.3 only once it reads.
func refusal(client *tls.Conn, handshake error) string {
	if handshake == nil {
		_, handshake = io.ReadAll(client)
	}
	if handshake == nil {
		return ""
	}
	return handshake.Error()
}

func TestClientAuth(t *testing.T) {
	ssatest.NoLeaks(t)
	r := newClientAuthRig(t)
	const none, request, require = policy.ClientAuthNone, policy.ClientAuthRequest,
		policy.ClientAuthRequire
	const bad, missing12, missing13 = "remote error: tls: bad certificate",
		"remote error: tls: handshake failure", "remote error: tls: certificate required"
	unknown := `the certificate of "CN=mallory" was issued by ` + `"` + r.other.Certificate().Subject.String() + `"` +
		`, which is not among the anchors of the test's store; add it to trust.roots in the policy if you trust it; ` +
		`if it is an intermediate, the peer should send it with its certificate`
	expired := `the certificate of "CN=old" expired on ` +
		r.old.Leaf().NotAfter.UTC().Format("2006-01-02 15:04 UTC") + ` (24 hours ago)`
	for _, tc := range []struct {
		name     string
		auth     policy.ClientAuth
		show     *ssatest.Issued
		change   func(*engine.Request)
		identity string
		refused  string // sentence
		alert    string // "" is that of a missing certificate
	}{
		{name: "none, none shown", auth: none},
		{name: "none, one there", auth: none, show: r.alice},
		{name: "asked for, none shown", auth: request},
		{name: "asked for, good", auth: request, show: r.alice, identity: "CN=alice"},
		{name: "asked for, unknown authority", auth: request, show: r.mallory, refused: unknown, alert: bad},
		{name: "asked for, expired", auth: request, show: r.old, refused: expired, alert: bad},
		{name: "required, good", auth: require, show: r.alice, identity: "CN=alice"},
		{name: "required, unknown authority", auth: require, show: r.mallory, refused: unknown, alert: bad},
		{name: "required, expired", auth: require, show: r.old, refused: expired, alert: bad},
		{name: "required, a server's", auth: require, show: r.web, alert: bad,
			refused: `the certificate of "CN=web" is not for clients, only for servers`},
		{name: "required, none shown", auth: require,
			refused: "the client showed no certificate, and the policy requires one (server.client_auth, the built-in default)"},
		{name: "required by the program, none shown", auth: none, change: func(req *engine.Request) {
			auth := require
			tightened, err := policy.Tighten(req.Policy,
				policy.ProgramSettings{Server: true, PeerAuth: &auth})
			if err != nil {
				t.Fatal(err)
			}
			req.Policy = tightened
		}, refused: "the client showed no certificate, and the program requires one (TLS_REQUEST_PEER_AUTH)"},
		{name: "the program agrees", auth: require, show: r.alice, identity: "CN=alice",
			change: func(req *engine.Request) {
				req.ProgramRoots = []*x509.Certificate{r.authority.Certificate()}
			}},
		{name: "the program knows that one client", auth: require, show: r.alice, identity: "CN=alice",
			change: func(req *engine.Request) { req.ProgramRoots = []*x509.Certificate{r.alice.Leaf()} }},
		{name: "the program wants others", auth: require, show: r.alice, alert: bad,
			change: func(req *engine.Request) {
				req.ProgramRoots = []*x509.Certificate{r.other.Certificate()}
			},
			refused: `the certificate of "CN=alice" does not lead to the certificate that the program accepts ("` +
				r.other.Certificate().Subject.String() + `", from TLS_TRUSTED_PEER_CERTIFICATES)`},
		{name: "a program can not widen", auth: require, show: r.mallory, alert: bad,
			change: func(req *engine.Request) {
				req.ProgramRoots = []*x509.Certificate{r.other.Certificate()}
			},
			refused: `the certificate of "CN=mallory" was issued by "` + r.other.Certificate().Subject.String() +
				`", which is not among the anchors of the test's store; add it to trust.roots in the policy if you trust it ` +
				`(the program does, by TLS_TRUSTED_PEER_CERTIFICATES, but a program can only narrow what the policy trusts); ` +
				`if it is an intermediate, the peer should send it with its certificate`},
		{name: "a program may replace", auth: require, show: r.mallory, identity: "CN=mallory",
			change: func(req *engine.Request) {
				req.Policy.ProgramRoots = policy.Replace
				req.ProgramRoots = []*x509.Certificate{r.other.Certificate()}
			}},
		{name: "a program is ignored", auth: require, show: r.mallory, alert: bad, refused: unknown,
			change: func(req *engine.Request) {
				req.Policy.ProgramRoots = policy.Ignore
				req.ProgramRoots = []*x509.Certificate{r.other.Certificate()}
			}},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tc.name+" "+tls.VersionName(version), func(t *testing.T) {
				req := r.request(tc.auth)
				if tc.change != nil {
					tc.change(req)
				}
				conn, err, client, clientErr := accept(t, local.New(local.Config{}), req,
					r.client(version, tc.show))
				if tc.refused != "" {
					failure(t, err, engine.Untrusted, tc.refused)
					alert := tc.alert
					if alert == "" {
						alert = map[uint16]string{tls.VersionTLS12: missing12, tls.VersionTLS13: missing13}[version]
					}
					if got := refusal(client, clientErr); got != alert {
						t.Errorf("the client saw %q, want %q", got, alert)
					}
					return
				}
				if err != nil || clientErr != nil {
					t.Fatalf("server: %v, client: %v", err, clientErr)
				}
				facts := conn.Facts()
				if facts.PeerIdentity != tc.identity || (len(facts.PeerChain) > 0) != (tc.identity != "") {
					t.Errorf("the client is %q with %d certificates, want %q", facts.PeerIdentity, len(facts.PeerChain), tc.identity)
				}
				greet(t, conn, client)
			})
		}
	}
}

// Anyone can buy a certificate of an authority of the system trust store.
func TestSystemStoreVouchesForNoClient(t *testing.T) {
	r := newClientAuthRig(t)
	for _, auth := range []policy.ClientAuth{policy.ClientAuthRequest, policy.ClientAuthRequire} {
		req := r.request(auth)
		req.Policy.Anchors = policy.Builtin().Default().Anchors
		ours, _ := tcpPair(t)
		_, err := local.New(local.Config{}).Handshake(wontHang(t), ours, req)
		failure(t, err, engine.Refused, "a server that asks for client certificates must say who may vouch for clients, and the system trust store is for servers: "+
			"name an authority in trust.roots in the policy, or set TLS_TRUSTED_PEER_CERTIFICATES")
	}
}

// Clients are told the authorities, as long as that can not mislead them.
func TestClientAuthHints(t *testing.T) {
	ssatest.NoLeaks(t)
	r := newClientAuthRig(t)
	for _, tc := range []struct {
		name   string
		change func(*engine.Request)
		want   int
	}{
		{"the policy's", func(*engine.Request) {}, 1},
		{"the program's, narrowing", func(req *engine.Request) {
			req.ProgramRoots = []*x509.Certificate{r.authority.Certificate(), r.other.Certificate()}
		}, 2},
		{"a client itself", func(req *engine.Request) { req.ProgramRoots = []*x509.Certificate{r.alice.Leaf()} }, 0},
		{"many", func(req *engine.Request) {
			var many []*x509.Certificate
			for range 51 {
				many = append(many, r.authority.Certificate())
			}
			req.Policy.Anchors = policy.FixedAnchors(many...)
		}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := r.request(policy.ClientAuthRequest)
			tc.change(req)
			cfg := r.client(tls.VersionTLS13, nil)
			told := -1
			cfg.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				told = len(info.AcceptableCAs)
				return &r.alice.TLS, nil
			}
			conn, err, client, clientErr := accept(t, local.New(local.Config{}), req, cfg)
			if err != nil || clientErr != nil {
				t.Fatalf("server: %v, client: %v", err, clientErr)
			}
			greet(t, conn, client)
			if told != tc.want {
				t.Errorf("the client was told %d authorities, want %d", told, tc.want)
			}
		})
	}
}

// A session is no way round a server's verification of its clients.
func TestClientAuthResumption(t *testing.T) {
	ssatest.NoLeaks(t)
	r := newClientAuthRig(t)
	start := time.Now()
	// The intermediate expires before the leaf, which crypto/tls does not see.
	middle := r.authority.IntermediateWith(t, ssatest.AuthorityOptions{Name: "Short",
		NotAfter: start.Add(time.Hour)})
	brief := middle.Issue(t, ssatest.Leaf{Subject: "brief", Client: true})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			now := start
			e := local.New(local.Config{Now: func() time.Time { return now }})
			cache := &anyName{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			anchors := effective(r.authority).Anchors
			try := func(auth policy.ClientAuth, show *ssatest.Issued) (*engine.Facts, error) {
				t.Helper()
				req, cfg := r.request(auth), r.client(version, show)
				req.Policy.Anchors = anchors
				cfg.ClientSessionCache = cache
				conn, err, client, clientErr := accept(t, e, req, cfg)
				if err != nil {
					return nil, err
				}
				if clientErr != nil {
					t.Fatalf("client: %v", clientErr)
				}
				greet(t, conn, client)
				return conn.Facts(), nil
			}
			must := func(auth policy.ClientAuth, show *ssatest.Issued, resumed bool, identity string) {
				t.Helper()
				facts, err := try(auth, show)
				if err != nil {
					t.Fatal(err)
				}
				if facts.Resumed != resumed || facts.PeerIdentity != identity ||
					(len(facts.PeerChain) > 0) != (identity != "") {
					t.Errorf("resumed %v, client %q with %d certificates, want %v and %q", facts.Resumed, facts.PeerIdentity, len(facts.PeerChain), resumed, identity)
				}
			}
			const none, require = policy.ClientAuthNone, policy.ClientAuthRequire
			must(none, nil, false, "")
			must(none, nil, true, "")
			// What was made without a certificate is no way in where one is required.
			_, err := try(require, nil)
			failure(t, err, engine.Untrusted, "the client showed no certificate, and the policy requires one (server.client_auth, the built-in default)")

			must(require, brief, false, "CN=brief")
			must(require, nil, true, "CN=brief")
			must(policy.ClientAuthRequest, nil, false, "")
			cache.last = nil
			must(require, brief, false, "CN=brief")
			now = start.Add(2 * time.Hour)
			_, err = try(require, nil)
			failure(t, err, engine.Untrusted, `the intermediate certificate "CN=Short" expired on `+
				middle.Certificate().NotAfter.UTC().Format("2006-01-02 15:04 UTC")+" (1 hour ago)")
		})
	}
}
