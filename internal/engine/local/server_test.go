package local_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// accept performs a server's handshake with a client that has the given
// configuration, and returns what the client saw.
func accept(t testing.TB, e engine.Engine, req *engine.Request,
	cfg *tls.Config) (conn engine.Conn, err error, client *tls.Conn, clientErr error) {
	t.Helper()
	ours, theirs := tcpPair(t)
	client = tls.Client(theirs, cfg)
	wait := peer(t, func() { clientErr = client.Handshake() })
	conn, err = e.Handshake(wontHang(t), ours, req)
	wait()
	return conn, err, client, clientErr
}

// greet relays the program's greeting to the client, and both ends.
func greet(t testing.TB, conn engine.Conn, client *tls.Conn) {
	t.Helper()
	ours, program := plaintextPair(t)
	ended := make(chan engine.End, 1)
	go func() { ended <- engine.RelayToEnd(conn, ours, engine.RelayOptions{}) }()
	if _, err := program.Write([]byte("hello")); err != nil {
		t.Errorf("the program cannot write: %v", err)
	}
	program.Close()
	if data, err := io.ReadAll(client); err != nil || string(data) != "hello" {
		t.Errorf("the client read %q with error %v, want the greeting and an end", data, err)
	}
	client.Close()
	if end := <-ended; end.Err != nil || end.Sent != 5 {
		t.Errorf("the relay ended with %+v, want 5 bytes sent and no error", end)
	}
}

func TestServer(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	ids := []*identity.Identity{
		makeIdentity(t, a.Intermediate(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"},
			IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})),
		makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"*.b.example"}})),
		makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"c.example"}, RSA: 2048})),
		makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"d.example"}, Ed25519: true})),
	}
	for _, tc := range []struct {
		name   string
		client *tls.Config
		alpn   []string
		policy func(*policy.Effective)
		want   engine.Facts
	}{
		{name: "default certificate, hybrid key exchange", client: &tls.Config{ServerName: "a.example"},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example", Group: "X25519MLKEM768"}},
		{name: "no SNI", client: &tls.Config{ServerName: "127.0.0.1"},
			want: engine.Facts{Version: tls.VersionTLS13, Group: "X25519MLKEM768"}},
		{name: "wildcard", client: &tls.Config{ServerName: "x.b.example"},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "x.b.example",
				Group: "X25519MLKEM768"}},
		{name: "RSA, TLS 1.2", client: &tls.Config{ServerName: "c.example", MaxVersion: tls.VersionTLS12},
			want: engine.Facts{Version: tls.VersionTLS12, ServerName: "c.example", Group: "X25519"}},
		{name: "Ed25519", client: &tls.Config{ServerName: "d.example"},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "d.example", Group: "X25519MLKEM768"}},
		{name: "old key exchange", client: &tls.Config{ServerName: "a.example", CurvePreferences: []tls.CurveID{tls.CurveP256}},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example", Group: "CurveP256"}},
		{name: "TLS 1.2 policy", client: &tls.Config{ServerName: "a.example"},
			policy: func(p *policy.Effective) { p.MaxVersion = tls.VersionTLS12 },
			want:   engine.Facts{Version: tls.VersionTLS12, ServerName: "a.example", Group: "X25519"}},
		{name: "ALPN, best of the server", client: &tls.Config{ServerName: "a.example", NextProtos: []string{"x", "y"}}, alpn: []string{"z", "y", "x"},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example", Group: "X25519MLKEM768",
				ALPN: "y"}},
		{name: "ALPN, client without", client: &tls.Config{ServerName: "a.example"}, alpn: []string{"z"},
			want: engine.Facts{Version: tls.VersionTLS13, ServerName: "a.example", Group: "X25519MLKEM768"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.client.RootCAs = a.Pool()
			req := &engine.Request{Role: engine.Server, Policy: effective(), Identities: ids, ALPN: tc.alpn}
			if tc.policy != nil {
				tc.policy(req.Policy)
			}
			conn, err, client, clientErr := accept(t, local.New(local.Config{}), req, tc.client)
			if err != nil || clientErr != nil {
				t.Fatalf("server: %v, client: %v", err, clientErr)
			}
			facts := *conn.Facts()
			tc.want.CipherSuite = facts.CipherSuite
			if got, want := fmtFacts(facts), fmtFacts(tc.want); got != want {
				t.Errorf("facts\n\t%s\nwant\n\t%s", got, want)
			}
			greet(t, conn, client)
		})
	}
}

func TestServerRefusals(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	id := makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	for _, tc := range []struct {
		name   string
		client *tls.Config
		alpn   []string
		want   string
		theirs string
	}{
		{name: "TLS 1.1", client: &tls.Config{ServerName: "a.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true},
			want:   "the TLS handshake went wrong: client offered only unsupported versions: [302 301]",
			theirs: "remote error: tls: protocol version not supported"},
		{name: "no common protocol", client: &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, NextProtos: []string{"x"}}, alpn: []string{"y"},
			want:   `the TLS handshake went wrong: client requested unsupported application protocols (["x"])`,
			theirs: "remote error: tls: no application protocol"},
		{name: "no common suite",
			client: &tls.Config{ServerName: "a.example", InsecureSkipVerify: true,
				MaxVersion:   tls.VersionTLS12,
				CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}},
			want:   "the TLS handshake went wrong: no cipher suite supported by both client and server; client offered: [c009]",
			theirs: "remote error: tls: handshake failure"},
		{name: "client does not know the authority", client: &tls.Config{ServerName: "a.example", MaxVersion: tls.VersionTLS12},
			want: "the client refused the handshake: alert 42 bad_certificate; it did not accept our certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.client.RootCAs = ssatest.NewAuthority(t).Pool()
			req := &engine.Request{Role: engine.Server, Policy: effective(),
				Identities: []*identity.Identity{id}, ALPN: tc.alpn}
			_, err, _, clientErr := accept(t, local.New(local.Config{}), req, tc.client)
			failure(t, err, engine.Protocol, tc.want)
			if tc.theirs != "" && (clientErr == nil || clientErr.Error() != tc.theirs) {
				t.Errorf("the client saw %v, want %s", clientErr, tc.theirs)
			}
		})
	}
}
