package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// serve answers connections until the test ends.
func serve(t *testing.T, answer func(net.Conn)) func(context.Context) (*net.TCPConn, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			answer(conn)
			conn.Close()
		}
	}()
	return func(ctx context.Context) (*net.TCPConn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		if err != nil {
			return nil, err
		}
		return conn.(*net.TCPConn), nil
	}
}

// tlsServer answers with TLS, and fails the test when it gets data.
func tlsServer(t *testing.T, config *tls.Config) func(context.Context) (*net.TCPConn, error) {
	return serve(t, func(conn net.Conn) {
		server := tls.Server(conn, config)
		if server.Handshake() != nil {
			return
		}
		if data, _ := io.ReadAll(server); len(data) > 0 {
			t.Errorf("the probe sent data: %q", data)
		}
		server.Close()
	})
}

func parse(t *testing.T, text string, args ...any) *policy.Effective {
	t.Helper()
	p, err := policy.Parse("/policy.yaml", fmt.Appendf(nil, text, args...))
	if err != nil {
		t.Fatal(err)
	}
	return p.Default()
}

// TestAccepted probes a peer that is as it should be.
func TestAccepted(t *testing.T) {
	authority := ssatest.NewAuthority(t).Intermediate(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"peer.example"}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			ssatest.NoLeaks(t)
			config := &tls.Config{Certificates: []tls.Certificate{issued.TLS}, MinVersion: version,
				MaxVersion: version, NextProtos: []string{"h2"}}
			r, err := Run(t.Context(), Config{
				Policy: parse(t, "default: {trust: {roots: [%s]}}", authority.File(t)),
				Name:   "peer.example", ALPN: []string{"h2"}, Dial: tlsServer(t, config), Timeout: time.Minute,
			})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Accepted || r.Refusal != nil || r.Negotiated.Version != tls.VersionName(version) ||
				r.Negotiated.ALPN != "h2" {
				t.Fatalf("not accepted as it should be: %+v, %+v", r, r.Refusal)
			}
			if !strings.HasPrefix(r.Negotiated.Resumption, "yes") || r.Negotiated.End != "" {
				t.Errorf("resumption: %s; end: %s", r.Negotiated.Resumption, r.Negotiated.End)
			}
			if len(r.Chain) != 2 || r.Chain[0].Names[0] != "peer.example" ||
				!strings.HasPrefix(r.Chain[0].Pin, "sha256/") || !r.Chain[1].Authority {
				t.Errorf("chain: %+v", r.Chain)
			}
		})
	}
}

// TestEnd probes peers that take a handshake back, or end without close_notify.
func TestEnd(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"peer.example"}})
	config := &tls.Config{Certificates: []tls.Certificate{issued.TLS}}
	asking := config.Clone()
	asking.ClientAuth = tls.RequireAnyClientCert
	cut := serve(t, func(conn net.Conn) {
		_, _ = io.Copy(io.Discard, tls.Server(conn, config)) // and no more
	})
	tests := []struct {
		name string
		dial func(context.Context) (*net.TCPConn, error)
		want string
	}{
		{"client certificate", tlsServer(t, asking), "certificate"},
		{"cut", cut, "close_notify"},
	}
	for _, test := range tests {
		r, err := Run(t.Context(), Config{Policy: parse(t, "default: {sessions: {resumption: off}, trust: {roots: [%s]}}", authority.File(t)),
			Name: "peer.example", Dial: test.dial, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if r.Negotiated == nil || !strings.Contains(r.Negotiated.End, test.want) ||
			!strings.HasPrefix(r.Negotiated.Resumption, "off") {
			t.Errorf("%s: %+v, %+v, want an end with %q", test.name, r, r.Negotiated, test.want)
		}
	}
}

// TestUnverified: what is accepted without being verified is called so.
func TestUnverified(t *testing.T) {
	p, err := policy.Parse("/policy.yaml", []byte("profiles: [{name: lab, match: {exe: /opt/lab}, trust: {verify: off}}]"))
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{ssatest.SelfSigned(t, ssatest.Leaf{}).TLS}}
	r, err := Run(t.Context(), Config{Policy: p.Profiles()[0], Name: "peer.example",
		Dial: tlsServer(t, config), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Accepted || !strings.HasPrefix(r.Verification, "none: trust.verify is off (/policy.yaml:1:") {
		t.Errorf("accepted %v, verification %q", r.Accepted, r.Verification)
	}
}

func TestRefused(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	roots := fmt.Sprintf("trust: {roots: [%s]}", authority.File(t))
	leaf := ssatest.Leaf{Names: []string{"peer.example"}}
	plain := func(c *tls.Config) {}
	tests := []struct {
		name                     string
		policy                   string
		leaf                     ssatest.Leaf
		server                   func(*tls.Config)
		rules, remedy, cause, ok string // ok is how the verification begins
	}{
		{"too old", `versions: {min: "1.3"}`, leaf, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			"versions.min", "support TLS 1.3 or later; it chose TLS 1.2", "", "would be accepted as peer.example"},
		{"far too old", "", leaf, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
			"versions.min", "it chose TLS 1.1", "", "would be accepted as peer.example (its chain and name"},
		{"too new", `versions: {max: "1.2"}`, leaf, func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
			"versions.max", "support TLS 1.2; it chose TLS 1.3", "", "would be accepted"},
		{"suite", "cipher_suites: [ECDHE-ECDSA-CHACHA20-POLY1305]", leaf, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12,
				[]uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		}, "cipher_suites", "it chose TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "", "would be accepted"},
		{"broken suite", "", ssatest.Leaf{Names: leaf.Names, RSA: 2048}, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
		}, "cipher_suites", "it chose TLS_RSA_WITH_AES_128_CBC_SHA", "", "would be accepted"},
		{"group", "", leaf, func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP521} },
			"key_exchange", "it chose CurveP521", "", "would be accepted"},
		{"old and untrusted", `versions: {min: "1.3"}`, ssatest.Leaf{Names: []string{"other.example"}}, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			"versions.min", "support TLS 1.3", "", "would be refused: the certificate is for other.example"},

		{"expired", "", ssatest.Leaf{Names: leaf.Names, NotBefore: time.Now().Add(-2 * time.Hour),
			NotAfter: time.Now().Add(-time.Hour)}, plain,
			"", "renew", "expired", "refused: the certificate of peer.example expired"},
		{"wrong name", "", ssatest.Leaf{Names: []string{"other.example"}}, plain, "", "peer.example in its subjectAltName", "wrong-name", "refused: "},
		{"small key", "", ssatest.Leaf{Names: leaf.Names, RSA: 1024}, plain, "min_key_bits.rsa", "larger key", "weak", "refused: "},
		{"purpose", "", ssatest.Leaf{Names: leaf.Names, Client: true}, plain, "", "serverAuth", "wrong-usage", "refused: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			issued := authority.Issue(t, test.leaf)
			config := &tls.Config{Certificates: []tls.Certificate{issued.TLS}}
			test.server(config)
			check(t, config, Config{Policy: parse(t, "default:\n  %s\n  %s\n", roots, test.policy)},
				test.rules, test.remedy, test.cause, test.ok)
		})
	}
	t.Run("self-signed", func(t *testing.T) {
		config := &tls.Config{Certificates: []tls.Certificate{ssatest.SelfSigned(t, leaf).TLS}}
		check(t, config, Config{Policy: parse(t, "default: {%s}", roots)}, "trust.roots",
			"authority that is trusted", "self-signed", "refused: ")
	})
}

// check probes a peer that must be refused, and compares what is said of it.
func check(t *testing.T, server *tls.Config, cfg Config,
	rules, remedy, cause, verification string) {
	t.Helper()
	cfg.Name, cfg.Timeout, cfg.Dial = "peer.example", time.Minute, tlsServer(t, server)
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted || r.Refusal == nil || r.Negotiated != nil {
		t.Fatalf("accepted: %+v", r)
	}
	var keys []string
	for _, rule := range r.Refusal.Rules {
		keys = append(keys, rule.Key)
	}
	if got := strings.Join(keys, " "); got != rules {
		t.Errorf("rules %q, want %q; %s", got, rules, r.Refusal.Sentence)
	}
	if got := strings.Join(r.Refusal.Remedies, "\n"); !strings.Contains(got, remedy) {
		t.Errorf("remedies %q, want %q; %s", got, remedy, r.Refusal.Sentence)
	}
	if r.Refusal.Cause != cause || !strings.HasPrefix(r.Verification, verification) {
		t.Errorf("cause %q and verification %q, want %q and %q", r.Refusal.Cause, r.Verification, cause, verification)
	}
	if r.Offered == nil || len(r.Chain) != 1 {
		t.Errorf("offered %+v and a chain of %d, want what the peer has and its certificate", r.Offered, len(r.Chain))
	}
}

// TestRevocation staples an answer about the certificate.
func TestRevocation(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"peer.example"}})
	pol := parse(t, "default: {trust: {roots: [%s], revocation: require}}", authority.File(t))
	stapled := issued.TLS
	stapled.OCSPStaple = authority.OCSP(t, issued.Leaf(), ssatest.OCSPAnswer{})
	r, err := Run(t.Context(), Config{Policy: pol, Name: "peer.example", Timeout: time.Minute,
		Dial: tlsServer(t, &tls.Config{Certificates: []tls.Certificate{stapled}})})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Accepted || len(r.Revocation) != 1 || !strings.Contains(r.Revocation[0], "good") {
		t.Errorf("a good staple: %+v, %+v, %q", r, r.Refusal, r.Revocation)
	}
	check(t, &tls.Config{Certificates: []tls.Certificate{issued.TLS}}, Config{Policy: pol},
		"trust.revocation", "staple a valid OCSP response", "revocation-unknown",
		"refused: it is not known whether")
}

func TestNoTLS(t *testing.T) {
	dial := serve(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn) // no reset before that was read
	})
	r, err := Run(t.Context(), Config{Policy: policy.Builtin().Default(), Name: "peer.example",
		Dial: dial, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted || r.Offered != nil || r.Verification != "not reached" ||
		!strings.Contains(r.Refusal.Sentence, "plain HTTP") {
		t.Errorf("got %+v, %+v", r, r.Refusal)
	}
}

func TestNoConnection(t *testing.T) {
	failure := errors.New("nobody there")
	r, err := Run(t.Context(), Config{Policy: policy.Builtin().Default(), Name: "peer.example",
		Dial: func(context.Context) (*net.TCPConn, error) { return nil, failure }})
	if r != nil || !errors.Is(err, failure) {
		t.Errorf("got %+v and %v, want nothing and %v", r, err, failure)
	}
}

// TestClean: what a certificate says never moves the cursor, and is not endless.
func TestClean(t *testing.T) {
	cert := ssatest.SelfSigned(t,
		ssatest.Leaf{Subject: "a\x1b[2Jb\u202ec\n" + strings.Repeat("x", 300)}).Leaf()
	for range 100 {
		cert.DNSNames = append(cert.DNSNames, "\x1b]0;title\x07.example")
	}
	c := describe([]*x509.Certificate{cert})[0]
	text := fmt.Sprintf("%+v", c)
	if strings.ContainsAny(text, "\x1b\x07\n\u202e") || len(text) > 2000 {
		t.Errorf("%d bytes, %q", len(text), text)
	}
	if len(c.Names) != maxNames || c.MoreNames != 100-maxNames {
		t.Errorf("%d names and %d more, want %d and %d", len(c.Names), c.MoreNames, maxNames,
			100-maxNames)
	}
}
