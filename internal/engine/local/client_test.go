package local_test

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// connect performs a handshake with a peer that has the given configuration.
func connect(t testing.TB, e engine.Engine, req *engine.Request,
	cfg *tls.Config) (engine.Conn, error) {
	t.Helper()
	ours, theirs := tcpPair(t)
	peer(t, func() { serve(theirs, cfg) })
	return e.Handshake(wontHang(t), ours, req)
}

// converse relays until the peer's greeting has been read and both are done.
func converse(t testing.TB, conn engine.Conn) {
	t.Helper()
	ours, program := plaintextPair(t)
	ended := make(chan engine.End, 1)
	go func() { ended <- engine.RelayToEnd(conn, ours, engine.RelayOptions{}) }()
	data, err := io.ReadAll(program)
	if err != nil || string(data) != "hello" {
		t.Errorf("the program read %q with error %v, want the greeting", data, err)
	}
	program.Close()
	if end := <-ended; end.Err != nil || end.Received != 5 {
		t.Errorf("the relay ended with %+v, want 5 bytes received and no error", end)
	}
}

func TestClientFacts(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Intermediate(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}})
	server := func(change func(*tls.Config)) *tls.Config {
		cfg := &tls.Config{Certificates: []tls.Certificate{issued.TLS}}
		if change != nil {
			change(cfg)
		}
		return cfg
	}
	for _, tc := range []struct {
		name   string
		server *tls.Config
		req    engine.Request
		policy func(*policy.Effective)
		want   engine.Facts
	}{
		{name: "TLS 1.3, hybrid key exchange", server: server(nil), req: engine.Request{Name: "a.example"},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example",
				PeerIdentity: "a.example", Group: "X25519MLKEM768"}},
		{name: "TLS 1.2 peer", server: server(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), req: engine.Request{Name: "a.example"},
			want: engine.Facts{Version: tls.VersionTLS12, ServerName: "a.example",
				PeerIdentity: "a.example", Group: "X25519"}},
		{name: "TLS 1.2 policy", server: server(nil), req: engine.Request{Name: "a.example"},
			policy: func(p *policy.Effective) { p.MaxVersion = tls.VersionTLS12 },
			want: engine.Facts{Version: tls.VersionTLS12, ServerName: "a.example",
				PeerIdentity: "a.example", Group: "X25519"}},
		{name: "one TLS 1.2 suite", server: server(nil), req: engine.Request{Name: "a.example"},
			policy: func(p *policy.Effective) {
				p.MaxVersion = tls.VersionTLS12
				p.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
			},
			want: engine.Facts{Version: tls.VersionTLS12,
				CipherSuite: tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
				ServerName:  "a.example", PeerIdentity: "a.example", Group: "X25519"}},
		{name: "key exchange of the policy", server: server(nil), req: engine.Request{Name: "a.example"},
			policy: func(p *policy.Effective) { p.KeyExchange = []tls.CurveID{tls.CurveP384} },
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example",
				PeerIdentity: "a.example", Group: "CurveP384"}},
		{name: "final dot", server: server(nil), req: engine.Request{Name: "a.example."},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example",
				PeerIdentity: "a.example.", Group: "X25519MLKEM768"}},
		{name: "IPv4 address", server: server(nil), req: engine.Request{Name: "127.0.0.1"},
			want: engine.Facts{Version: tls.VersionTLS13, PeerIdentity: "127.0.0.1",
				Group: "X25519MLKEM768"}},
		{name: "IPv6 address", server: server(nil), req: engine.Request{Name: "::1"},
			want: engine.Facts{Version: tls.VersionTLS13, PeerIdentity: "::1", Group: "X25519MLKEM768"}},
		{name: "ALPN", server: server(func(c *tls.Config) { c.NextProtos = []string{"b", "c"} }),
			req: engine.Request{Name: "a.example", ALPN: []string{"a", "c", "b"}},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example",
				PeerIdentity: "a.example", Group: "X25519MLKEM768", ALPN: "b"}},
		{name: "ALPN unknown to the peer", server: server(nil), req: engine.Request{Name: "a.example", ALPN: []string{"a"}},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example",
				PeerIdentity: "a.example", Group: "X25519MLKEM768"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := tc.req
			req.Policy = effective(a)
			if tc.policy != nil {
				tc.policy(req.Policy)
			}
			conn, err := connect(t, local.New(local.Config{}), &req, tc.server)
			if err != nil {
				t.Fatal(err)
			}
			facts := *conn.Facts()
			if len(facts.PeerChain) != 2 || !slices.Equal(facts.PeerChain[0], issued.Leaf().Raw) {
				t.Errorf("the chain has %d certificates, want the leaf and its issuer", len(facts.PeerChain))
			}
			if tc.want.CipherSuite == 0 {
				tc.want.CipherSuite = facts.CipherSuite
			}
			tc.want.PeerChain = facts.PeerChain
			if got, want := fmtFacts(facts), fmtFacts(tc.want); got != want {
				t.Errorf("facts\n\t%s\nwant\n\t%s", got, want)
			}
			converse(t, conn)
		})
	}
}

func TestClientCertificate(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	server := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	ours := a.Issue(t, ssatest.Leaf{Subject: "alice", Client: true})
	cfg := &tls.Config{Certificates: []tls.Certificate{server.TLS},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool(), MaxVersion: tls.VersionTLS12}
	req := &engine.Request{Name: "a.example", Policy: effective(a)}
	_, err := connect(t, local.New(local.Config{}), req, cfg)
	failure(t, err, engine.Protocol, "the peer refused the handshake: alert 40 handshake_failure; it asked for a certificate, and we have none that it accepts: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY")

	req.Identities = append(req.Identities, makeIdentity(t, ours))
	conn, err := connect(t, local.New(local.Config{}), req, cfg)
	if err != nil {
		t.Fatal(err)
	}
	converse(t, conn)
}

func TestRequestsRefused(t *testing.T) {
	a := ssatest.NewAuthority(t)
	long := make([]byte, 254)
	for i := range long {
		long[i] = 'a'
	}
	for _, tc := range []struct {
		name string
		req  engine.Request
		want string
	}{
		{"no policy", engine.Request{Name: "a.example"}, "the request has no policy; this is a bug in ssa"},
		{"no name", engine.Request{Policy: effective(a)}, "a client needs the name of its peer: set TLS_REMOTE_HOSTNAME, or connect to an AF_HOSTNAME address"},
		{"only a dot", engine.Request{Policy: effective(a), Name: "."}, "a client needs the name of its peer: set TLS_REMOTE_HOSTNAME, or connect to an AF_HOSTNAME address"},
		{"long name", engine.Request{Policy: effective(a), Name: string(long)}, "the name of the peer is longer than a host name can be (253 bytes)"},
		{"name in UTF-8", engine.Request{Policy: effective(a), Name: "ä.example"}, "the name of the peer is not ASCII: give an internationalised name in its xn-- form"},
		{"name with a line end", engine.Request{Policy: effective(a), Name: "a.example\n"}, "the name of the peer has a character that is in no host name"},
		{"name with a NUL", engine.Request{Policy: effective(a), Name: "a\x00.example"}, "the name of the peer has a character that is in no host name"},
		{"name with a port", engine.Request{Policy: effective(a), Name: "a.example:443"}, "the name of the peer has a character that is in no host name"},
		{"no certificate", engine.Request{Role: engine.Server, Policy: effective(a)}, "a server needs a certificate: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY before listen"},
		{"no version", engine.Request{Name: "a.example", Policy: &policy.Effective{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS12}},
			"the policy and the program's settings leave no TLS version to use"},
		{"TLS 1.1 alone", engine.Request{Name: "a.example", Policy: &policy.Effective{MaxVersion: tls.VersionTLS11}},
			"the policy and the program's settings leave no TLS version to use"},
		{"empty protocol", engine.Request{Name: "a.example", Policy: effective(a), ALPN: []string{""}}, "a protocol of TLS_ALPN is empty or longer than 255 bytes"},
		{"unknown role", engine.Request{Role: 7, Policy: effective(a)}, "the request has an unknown role 7; this is a bug in ssa"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			_, err := local.New(local.Config{}).Handshake(wontHang(t), ours, &tc.req)
			failure(t, err, engine.Refused, tc.want)
			if data, err := io.ReadAll(theirs); len(data) != 0 || err != nil {
				t.Errorf("the peer was sent %q and got error %v, want nothing but the end", data, err)
			}
		})
	}
}
