package local_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// obeying returns what a policy file says for /opt/program. ROOTS in it stands
// for the file of the authority.
func obeying(t testing.TB, a *ssatest.Authority, text string) *policy.Effective {
	t.Helper()
	p, err := policy.Parse("policy.yaml",
		[]byte(strings.ReplaceAll(text, "ROOTS", strconv.Quote(a.File(t)))))
	if err != nil {
		t.Fatalf("policy not accepted: %v", err)
	}
	return p.For(subject.Program{Exe: "/opt/program"})
}

// What the policy file says of clients is what happens on the wire.
func TestClientObeysThePolicy(t *testing.T) {
	ssatest.NoLeaks(t)
	a, other := ssatest.NewAuthority(t), ssatest.NewAuthority(t)
	leaf := ssatest.Leaf{Names: []string{"a.example"}}
	ecdsa, deep, foreign := a.Issue(t, leaf), a.Intermediate(t).Issue(t, leaf), other.Issue(t, leaf)
	rsa := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, RSA: 2048})
	theirs := []*x509.Certificate{other.Certificate()}
	for _, tc := range []struct {
		name, policy string
		peer         *ssatest.Issued
		change       func(*tls.Config) // of the peer
		roots        []*x509.Certificate
		want         func(*engine.Facts) bool
		reason       engine.Reason
		refused      string // part of the sentence
	}{
		{name: "a TLS 1.3 suite", policy: `{versions: {min: "1.3"}, cipher_suites: [TLS_CHACHA20_POLY1305_SHA256], trust: {roots: [ROOTS]}}`,
			want: func(f *engine.Facts) bool { return f.CipherSuite == tls.TLS_CHACHA20_POLY1305_SHA256 }},
		{name: "an older key exchange", policy: `{key_exchange: [P-384], trust: {roots: [ROOTS]}}`,
			want: func(f *engine.Facts) bool { return f.Group == "CurveP384" }},
		{name: "only post-quantum key exchange", policy: `{key_exchange: [X25519MLKEM768], trust: {roots: [ROOTS]}}`,
			want: func(f *engine.Facts) bool { return f.Group == "X25519MLKEM768" }},
		{name: "only post-quantum key exchange, an older peer", policy: `{key_exchange: [X25519MLKEM768], trust: {roots: [ROOTS]}}`,
			change: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
			reason: engine.Protocol, refused: "alert 40 handshake_failure"},
		{name: "RSA keys long enough", policy: `{min_key_bits: {rsa: 2048}, trust: {roots: [ROOTS]}}`, peer: rsa},
		{name: "RSA keys too short", policy: `{min_key_bits: {rsa: 3072}, trust: {roots: [ROOTS]}}`, peer: rsa,
			reason: engine.Untrusted, refused: "2048 bits"},
		{name: "ECDSA keys too short", policy: `{min_key_bits: {ecdsa: 384}, trust: {roots: [ROOTS]}}`,
			reason: engine.Untrusted, refused: "256 bits"},
		{name: "a chain short enough", policy: `{trust: {roots: [ROOTS], max_depth: 3}}`, peer: deep},
		{name: "a chain too long", policy: `{trust: {roots: [ROOTS], max_depth: 2}}`, peer: deep,
			reason: engine.Untrusted, refused: "more than 2 certificates"},
		{name: "program_roots: narrow", policy: `{trust: {roots: [ROOTS]}}`, roots: theirs,
			reason: engine.Untrusted, refused: "does not lead to the certificate that the program accepts"},
		{name: "program_roots: narrow widens nothing", policy: `{trust: {roots: [ROOTS]}}`,
			roots: theirs, peer: foreign,
			reason: engine.Untrusted, refused: "a program can only narrow what the policy trusts"},
		{name: "program_roots: replace", policy: `{trust: {roots: [ROOTS], program_roots: replace}}`, roots: theirs, peer: foreign},
		{name: "program_roots: replace, the policy's", policy: `{trust: {roots: [ROOTS], program_roots: replace}}`, roots: theirs,
			reason: engine.Untrusted, refused: "not among the anchors of the program (TLS_TRUSTED_PEER_CERTIFICATES)"},
		{name: "program_roots: replace, none given", policy: `{trust: {roots: [ROOTS], program_roots: replace}}`},
		{name: "program_roots: ignore", policy: `{trust: {roots: [ROOTS], program_roots: ignore}}`, roots: theirs},
		{name: "program_roots: ignore, the program's", policy: `{trust: {roots: [ROOTS], program_roots: ignore}}`, roots: theirs, peer: foreign,
			reason: engine.Untrusted, refused: "not among the anchors"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.peer == nil {
				tc.peer = ecdsa
			}
			cfg := &tls.Config{Certificates: []tls.Certificate{tc.peer.TLS}}
			if tc.change != nil {
				tc.change(cfg)
			}
			conn, err := connect(t, local.New(local.Config{}), &engine.Request{
				Name: "a.example", Policy: obeying(t, a, "default: "+tc.policy), ProgramRoots: tc.roots}, cfg)
			if tc.refused != "" {
				failure(t, err, tc.reason, "")
				if !strings.Contains(err.Error(), tc.refused) {
					t.Errorf("refused with %q, want something about %q", err, tc.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != nil && !tc.want(conn.Facts()) {
				t.Errorf("facts %s are not what the policy says", fmtFacts(*conn.Facts()))
			}
			converse(t, conn)
		})
	}
}

// A profile that turns verification off takes any certificate, and says that
// the peer is nobody known. Others are not touched by it.
func TestVerificationOff(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	stranger := ssatest.SelfSigned(t, ssatest.Leaf{Names: []string{"elsewhere.example"}})
	cfg := &tls.Config{Certificates: []tls.Certificate{stranger.TLS}}
	const off = `{default: {trust: {roots: [ROOTS]}}, profiles: [{name: lab, match: {exe: "%s"}, trust: {verify: off}}]}`
	e := local.New(local.Config{})
	req := &engine.Request{Name: "a.example", Port: 443,
		Policy: obeying(t, a, fmt.Sprintf(off, "/opt/program"))}
	for i := range 2 {
		conn, err := connect(t, e, req, cfg)
		if err != nil {
			t.Fatal(err)
		}
		facts := conn.Facts()
		if facts.PeerIdentity != "" || len(facts.PeerChain) != 1 || facts.Resumed != (i == 1) {
			t.Errorf("facts %s, want no identity, the chain, and resumed %v", fmtFacts(*facts), i == 1)
		}
		converse(t, conn)
	}
	req.Policy = obeying(t, a, fmt.Sprintf(off, "/opt/another"))
	_, err := connect(t, e, req, cfg)
	failure(t, err, engine.Untrusted, "")

	// A server's clients are verified all the same.
	r := newClientAuthRig(t)
	pol := obeying(t, r.authority, `{default: {trust: {roots: [ROOTS]}}, profiles: [{name: lab, match: {exe: /opt/program}, trust: {verify: off}, server: {client_auth: require}}]}`)
	_, err, client, clientErr := accept(t, e, &engine.Request{Role: engine.Server, Policy: pol,
		Identities: []*identity.Identity{r.server}}, r.client(tls.VersionTLS13, r.mallory))
	failure(t, err, engine.Untrusted, "")
	if got := refusal(client, clientErr); got != "remote error: tls: bad certificate" {
		t.Errorf("the client saw %q, want its certificate refused", got)
	}
}

func TestSessionsObeyThePolicy(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	id := makeIdentity(t, issued)
	for _, tc := range []struct {
		name, policy string
		after        time.Duration
		resumed      bool
		sharers      [2]string
	}{
		{"on", `{resumption: on, lifetime: 1m}`, 30 * time.Second, true, [2]string{}},
		{"on, too old", `{resumption: on, lifetime: 1m}`, 61 * time.Second, false, [2]string{}},
		{"off", `{resumption: off}`, 0, false, [2]string{}},
		{"shared by nobody known", `{shared_by: user}`, 0, false, [2]string{}},
		{"shared by the user", `{shared_by: user}`, 0, true, [2]string{"user 1", "user 1"}},
		{"another user's", `{shared_by: user}`, 0, false, [2]string{"user 1", "user 2"}},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tc.name+" "+tls.VersionName(version), func(t *testing.T) {
				now := time.Now()
				e := local.New(local.Config{Now: func() time.Time { return now }})
				pol := obeying(t, a, "default: {trust: {roots: [ROOTS]}, sessions: "+tc.policy+"}")
				peerConfig := &tls.Config{Certificates: []tls.Certificate{issued.TLS}, MaxVersion: version}
				cache := &anyName{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
				for i := range 2 {
					conn, err := connect(t, e, &engine.Request{Name: "a.example", Port: 443, Policy: pol,
						Sharers: tc.sharers[i]}, peerConfig)
					if err != nil {
						t.Fatal(err)
					}
					converse(t, conn)
					clientConfig := &tls.Config{ServerName: "a.example", RootCAs: a.Pool(), MaxVersion: version,
						ClientSessionCache: cache}
					served, err, client, clientErr := accept(t, e,
						&engine.Request{Role: engine.Server, Policy: pol, Sharers: tc.sharers[i],
							Identities: []*identity.Identity{id}}, clientConfig)
					if err != nil || clientErr != nil {
						t.Fatalf("server: %v, client: %v", err, clientErr)
					}
					greet(t, served, client)
					if want := i == 1 && tc.resumed; conn.Facts().Resumed != want ||
						served.Facts().Resumed != want {
						t.Errorf("connection %d: as client resumed %v, as server %v, want %v", i+1, conn.Facts().Resumed, served.Facts().Resumed, want)
					}
					now = now.Add(tc.after)
				}
			})
		}
	}
}

// What the policy file says of servers is what happens on the wire.
func TestServerObeysThePolicy(t *testing.T) {
	ssatest.NoLeaks(t)
	r := newClientAuthRig(t)
	for _, tc := range []struct {
		name, policy string
		alpn         []string
		change       func(*tls.Config) // of the client
		show         *ssatest.Issued
		want         func(*engine.Facts) bool
		reason       engine.Reason
		refused      string
	}{
		{name: "a TLS 1.3 suite", policy: `{versions: {min: "1.3"}, cipher_suites: [TLS_AES_256_GCM_SHA384]}`,
			want: func(f *engine.Facts) bool { return f.CipherSuite == tls.TLS_AES_256_GCM_SHA384 }},
		{name: "key exchange", policy: `{key_exchange: [P-256]}`,
			want: func(f *engine.Facts) bool { return f.Group == "CurveP256" }},
		{name: "post-quantum key exchange of an older client", policy: `{key_exchange: [X25519MLKEM768]}`,
			change: func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
			reason: engine.Protocol, refused: "key exchange"},
		{name: "client_auth: require", policy: `{trust: {roots: [ROOTS]}, server: {client_auth: require}}`, show: r.alice,
			want: func(f *engine.Facts) bool { return f.PeerIdentity == "CN=alice" }},
		{name: "client_auth: require, none shown", policy: `{trust: {roots: [ROOTS]}, server: {client_auth: require}}`,
			reason: engine.Untrusted, refused: "the policy requires one (server.client_auth, policy.yaml:1:"},
		{name: "client_auth: request, a stranger's", policy: `{trust: {roots: [ROOTS]}, server: {client_auth: request}}`, show: r.mallory,
			reason: engine.Untrusted, refused: "not among the anchors"},
		{name: "alpn", policy: `{server: {alpn: [h2, x]}}`, alpn: []string{"x"},
			change: func(c *tls.Config) { c.NextProtos = []string{"y", "x"} },
			want:   func(f *engine.Facts) bool { return f.ALPN == "x" }},
		{name: "alpn, another", policy: `{server: {alpn: [h2, x]}}`, alpn: []string{"x", "y"},
			reason: engine.Refused, refused: `the policy does not let a server speak "y" of TLS_ALPN (server.alpn, policy.yaml:1:`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := r.client(tls.VersionTLS13, tc.show)
			if tc.change != nil {
				tc.change(cfg)
			}
			conn, err, client, clientErr := accept(t, local.New(local.Config{}), &engine.Request{
				Role: engine.Server, Policy: obeying(t, r.authority, "default: "+tc.policy),
				Identities: []*identity.Identity{r.server}, ALPN: tc.alpn}, cfg)
			if tc.refused != "" {
				failure(t, err, tc.reason, "")
				if err != nil && !strings.Contains(err.Error(), tc.refused) {
					t.Errorf("refused with %q, want something about %q", err, tc.refused)
				}
				if refusal(client, clientErr) == "" && tc.reason != engine.Refused {
					t.Error("the client saw no refusal")
				}
				return
			}
			if err != nil || clientErr != nil {
				t.Fatalf("server: %v, client: %v", err, clientErr)
			}
			if !tc.want(conn.Facts()) {
				t.Errorf("facts %s are not what the policy says", fmtFacts(*conn.Facts()))
			}
			greet(t, conn, client)
		})
	}
}

// A server whose program brings no certificate has those of the policy.
func TestIdentitiesOfThePolicy(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	text := "identities:\n"
	for _, name := range []string{"a", "b"} {
		issued := a.Issue(t, ssatest.Leaf{Names: []string{name + ".example"}})
		text += fmt.Sprintf("  %s: {chain: %q, key: %q}\n", name, issued.ChainFile(t), issued.KeyFile(t))
	}
	ids, err := obeying(t, a, text+"default: {server: {identity: [a, b]}}\n").Identities()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.example", "b.example"} {
		conn, err, client, clientErr := accept(t, local.New(local.Config{}),
			&engine.Request{Role: engine.Server, Policy: effective(), Identities: ids},
			&tls.Config{ServerName: name, RootCAs: a.Pool()})
		if err != nil || clientErr != nil {
			t.Fatalf("%s: server: %v, client: %v", name, err, clientErr)
		}
		greet(t, conn, client)
	}
}

// A server that says nothing is given the time that the policy says.
func TestClientHandshakeTimeoutOfThePolicy(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	for request, policys := range map[time.Duration]string{0: "100ms", time.Hour: "100ms",
		100 * time.Millisecond: "10m"} {
		ours, _ := tcpPair(t)
		_, err := local.New(local.Config{}).Handshake(wontHang(t), ours,
			&engine.Request{Role: engine.Client, Name: "a.example", HandshakeTimeout: request,
				Policy: obeying(t, a, "default: {limits: {client_handshake_timeout: "+policys+"}}")})
		failure(t, err, engine.TimedOut, "the TLS handshake did not finish within 100ms")
		if failed := new(engine.Error); !errors.As(err, &failed) || failed.Errno() != syscall.ETIMEDOUT {
			t.Errorf("the program gets %v", err)
		}
	}
}

// A client that says nothing is given the time that the policy says.
func TestHandshakeTimeoutOfThePolicy(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	id := makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	for request, policys := range map[time.Duration]string{0: "100ms", time.Hour: "100ms",
		100 * time.Millisecond: "10m"} {
		ours, _ := tcpPair(t)
		_, err := local.New(local.Config{}).Handshake(wontHang(t), ours,
			&engine.Request{Role: engine.Server, HandshakeTimeout: request,
				Policy:     obeying(t, a, "default: {limits: {handshake_timeout: "+policys+"}}"),
				Identities: []*identity.Identity{id}})
		failure(t, err, engine.TimedOut, "the TLS handshake did not finish within 100ms")
	}
}
