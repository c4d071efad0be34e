package local_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// How a relayed connection that ends badly is explained.
func TestEnds(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	plain := &tls.Config{Certificates: []tls.Certificate{issued.TLS}}
	demanding := &tls.Config{Certificates: []tls.Certificate{issued.TLS},
		ClientAuth: tls.RequireAnyClientCert, ClientCAs: x509.NewCertPool()}
	for _, tc := range []struct {
		name   string
		cfg    *tls.Config
		peer   func(*tls.Conn)
		reason engine.Reason
		want   string
	}{
		{"truncated", plain, func(c *tls.Conn) { c.NetConn().Close() }, engine.Truncated,
			"the peer ended the connection without close_notify: what was received may be incomplete"},
		{"garbage", plain, func(c *tls.Conn) {
			io.WriteString(c.NetConn(), "\x17\x03\x03\x00\x20"+"01234567890123456789012345678901")
		}, engine.Protocol,
			"the peer broke the TLS protocol; we sent alert 20 bad_record_mac"},
		{"no client certificate in TLS 1.3", demanding, func(*tls.Conn) {}, engine.Protocol,
			"the peer ended the connection: alert 116 certificate_required; it asked for a certificate, and we have none that it accepts: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			peer(t, func() {
				conn := tls.Server(theirs, tc.cfg)
				if conn.Handshake() == nil {
					tc.peer(conn)
				}
				theirs.CloseWrite()
				_, _ = io.Copy(io.Discard, theirs)
			})
			conn, err := local.New(local.Config{}).Handshake(wontHang(t), ours,
				&engine.Request{Name: "a.example", Policy: effective(a)})
			if err != nil {
				t.Fatal(err)
			}
			mine, program := plaintextPair(t)
			ended := make(chan engine.End, 1)
			go func() {
				ended <- engine.RelayToEnd(conn, mine,
					engine.RelayOptions{BeforeReset: func(error) { _, _ = program.Write([]byte("x")) }})
			}()
			if _, err := io.ReadAll(program); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the program's read ended with %v, want ECONNRESET", err)
			}
			program.Close()
			failure(t, (<-ended).Err, tc.reason, tc.want)
		})
	}
}

// Guard before the relay runs is not lost.
func TestGuardBeforeRelay(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	ours, theirs := tcpPair(t)
	var got []byte
	wait := peer(t, func() {
		conn := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{issued.TLS}})
		got, _ = io.ReadAll(conn) // a failure shows in what was read
		conn.Close()
	})
	conn, err := local.New(local.Config{}).Handshake(wontHang(t), ours,
		&engine.Request{Name: "a.example", Policy: effective(a)})
	if err != nil {
		t.Fatal(err)
	}
	mine, program := plaintextPair(t)
	conn.Guard()
	if _, err := program.Write([]byte("data!")); err != nil {
		t.Fatal(err)
	}
	program.CloseWrite()
	done := make(chan engine.End, 1)
	go func() { done <- engine.RelayToEnd(conn, mine, engine.RelayOptions{}) }()
	if _, err := io.ReadAll(program); err != nil {
		t.Errorf("the program's read ended with %v, want a clean end", err)
	}
	program.Close()
	if end := <-done; end.Err != nil || end.Sent != 4 {
		t.Errorf("the relay ended with %+v, want 4 bytes sent and no error", end)
	}
	wait()
	if string(got) != "data" {
		t.Errorf("the peer got %q, want all but the byte of no meaning", got)
	}
}

// A relay whose program has gone ends though its peer stays: at once when the
// program had SO_LINGER at zero, and soon when nobody waits for it.
func TestNobodyWaits(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	for _, tc := range []struct {
		name     string
		before   func(engine.Conn)
		abortive bool
		want     error // of the peer's reading
	}{
		{name: "no linger", before: func(c engine.Conn) { c.StopLingering(); c.StopLingering() }},
		{name: "aborted", before: func(engine.Conn) {}, abortive: true, want: syscall.ECONNRESET},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			server := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{issued.TLS}})
			wait := peer(t, func() { _ = server.Handshake() })
			conn, err := local.New(local.Config{Linger: time.Hour}).Handshake(wontHang(t), ours,
				&engine.Request{Name: "a.example", Policy: effective(a)})
			if err != nil {
				t.Fatal(err)
			}
			wait()
			tc.before(conn)
			mine, program := plaintextPair(t)
			program.Close()
			conn.SetAbortive(tc.abortive)
			end := engine.RelayToEnd(conn, mine, engine.RelayOptions{})
			if end.Err != nil {
				t.Errorf("the relay ended with %v", end.Err)
			}
			if _, err := io.ReadAll(server); !errors.Is(err, tc.want) {
				t.Errorf("the peer's reading ended with %v, want %v", err, tc.want)
			}
		})
	}
}

// Where the policy says so, a truncated stream is a clean end, and the log
// tells, once.
func TestSloppyEnd(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	ours, theirs := tcpPair(t)
	peer(t, func() {
		conn := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{issued.TLS}})
		_, _ = conn.Write([]byte("all there is")) // a failure shows in what is read
		theirs.CloseWrite()
		_, _ = io.Copy(io.Discard, theirs)
	})
	var log bytes.Buffer
	pol := effective(a)
	pol.SloppyEnd = true
	e := local.New(local.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	conn, err := e.Handshake(wontHang(t), ours, &engine.Request{Name: "a.example", Policy: pol, ID: 7})
	if err != nil {
		t.Fatal(err)
	}
	mine, program := plaintextPair(t)
	ended := make(chan engine.End, 1)
	go func() { ended <- engine.RelayToEnd(conn, mine, engine.RelayOptions{}) }()
	if data, err := io.ReadAll(program); err != nil || string(data) != "all there is" {
		t.Errorf("the program read %q with error %v, want everything and a clean end", data, err)
	}
	program.Close()
	if end := <-ended; end.Err != nil {
		t.Errorf("the relay ended with %v", end.Err)
	}
	const want = "without close_notify: what was received may be incomplete; the policy takes that for an end (truncation: end)"
	if n := strings.Count(log.String(), want); n != 1 || !strings.Contains(log.String(), "id=7") {
		t.Errorf("the log has %d lines about it, want one with the number:\n%s", n, log.String())
	}
}
