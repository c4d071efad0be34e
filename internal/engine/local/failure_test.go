package local_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
)

func TestUntrustedServers(t *testing.T) {
	ssatest.NoLeaks(t)
	a, other := ssatest.NewAuthority(t),
		ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Other"})
	leaf := ssatest.Leaf{Names: []string{"a.example"}}
	expired := ssatest.Leaf{Names: []string{"a.example"}, NotBefore: time.Now().Add(-73 * time.Hour),
		NotAfter: time.Now().Add(-49 * time.Hour)}
	for _, tc := range []struct {
		name   string
		issued *ssatest.Issued
		host   string
		cause  trust.Cause
		part   string
	}{
		{"wrong name", a.Issue(t, leaf), "b.example", trust.WrongName, "the certificate is for a.example, not for b.example"},
		{"wrong address", a.Issue(t, leaf), "127.0.0.1", trust.WrongName, "not for the address 127.0.0.1"},
		{"expired", a.Issue(t, expired), "a.example", trust.Expired, "(2 days ago)"},
		{"unknown authority", other.Issue(t, leaf), "a.example", trust.UnknownAnchor, `was issued by "CN=Other", which is not among the anchors of the test's store`},
		{"self-signed", ssatest.SelfSigned(t, leaf), "a.example", trust.SelfSigned, "is self-signed"},
		{"client certificate", a.Issue(t, ssatest.Leaf{Names: leaf.Names, Client: true}), "a.example", trust.WrongUsage, "is not for servers, only for clients"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tc.name+", "+tls.VersionName(version), func(t *testing.T) {
				ours, theirs := tcpPair(t)
				var serverErr error
				wait := peer(t, func() {
					server := tls.Server(theirs,
						&tls.Config{Certificates: []tls.Certificate{tc.issued.TLS}, MaxVersion: version})
					serverErr = server.Handshake()
				})
				req := &engine.Request{Name: tc.host, Policy: effective(a)}
				_, err := local.New(local.Config{}).Handshake(wontHang(t), ours, req)
				failure(t, err, engine.Untrusted, "")
				if cause, ok := trust.CauseOf(err); !ok || cause != tc.cause {
					t.Errorf("cause %v, want %v", cause, tc.cause)
				}
				if !strings.Contains(err.Error(), tc.part) {
					t.Errorf("sentence %q, want one with %q", err, tc.part)
				}
				wait()
				if serverErr == nil || serverErr.Error() != "remote error: tls: bad certificate" {
					t.Errorf("the server saw %v, want the alert bad_certificate", serverErr)
				}
			})
		}
	}
}

// Peers that do not speak TLS at all, or break it, for both roles.
func TestForeignPeers(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	id := makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	client := &engine.Request{Name: "a.example", Policy: effective(a)}
	server := &engine.Request{Role: engine.Server, Policy: effective(a),
		Identities: []*identity.Identity{id}}
	for _, tc := range []struct {
		name string
		req  *engine.Request
		send string
		want string
	}{
		{"HTTP server", client, "HTTP/1.1 400 Bad Request\r\n\r\n", "the peer does not speak TLS on this port, but plain HTTP"},
		{"SSH server", client, "SSH-2.0-x\r\n", "the peer does not speak TLS on this port, but SSH"},
		{"SMTP server", client, "220 mail.example ESMTP\r\n", "the peer does not speak TLS on this port, but SMTP or FTP; if it offers STARTTLS, use TCP_UPGRADE_TLS once it agreed"},
		{"garbage server", client, "\x00\x01\x02\x03\x04\x05", "the peer does not speak TLS on this port"},
		{"silent server", client, "", "the peer closed the connection during the handshake; it may not speak TLS on this port"},
		{"half a header", client, "\x16\x03", "the peer closed the connection during the handshake; it may not speak TLS on this port"},
		{"half a record", client, "\x16\x03\x03\x00\x20\x02", "the peer closed the connection during the handshake; it may not speak TLS on this port"},
		{"huge record", client, "\x16\x03\x03\xff\xff" + strings.Repeat("x", 70000), "the TLS handshake went wrong: oversized record received with length 65535"},
		{"huge message", client, "\x16\x03\x03\x00\x04\x02\xff\xff\xff", "the TLS handshake went wrong: handshake message of length 16777215 bytes exceeds maximum of 65536 bytes"},
		{"data before the handshake", client, "\x17\x03\x03\x00\x01x", "the peer does not speak TLS on this port"},
		{"alert", client, "\x15\x03\x01\x00\x02\x02\x28", "the peer refused the handshake: alert 40 handshake_failure; it may not support TLS 1.2 or later, or have no cipher suite in common with us"},
		{"alert for the name", client, "\x15\x03\x01\x00\x02\x02\x70", "the peer refused the handshake: alert 112 unrecognized_name; it serves nothing under that name"},
		{"alert of an unknown number", client, "\x15\x03\x01\x00\x02\x02\xee", "the peer refused the handshake: alert 238 unknown"},
		{"malformed alert", client, "\x15\x03\x01\x00\x01\x02", "the peer broke the TLS protocol; we sent alert 10 unexpected_message"},
		{"close_notify", client, "\x15\x03\x01\x00\x02\x01\x00", "the peer closed the connection during the handshake; it may not speak TLS on this port"},
		{"HTTP client", server, "GET / HTTP/1.1\r\n\r\n", "the client does not speak TLS, but plain HTTP"},
		{"garbage client", server, "hello, world", "the client does not speak TLS"},
		{"SSLv2 client", server, "\x80\x2e\x01\x00\x02", "the TLS handshake went wrong: unsupported SSLv2 handshake received"},
		{"silent client", server, "", "the client closed the connection during the handshake"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			wait := peer(t, func() {
				// The peer may be cut off while it writes.
				_, _ = io.WriteString(theirs, tc.send)
				theirs.CloseWrite()
				_, _ = io.Copy(io.Discard, theirs)
			})
			_, err := local.New(local.Config{}).Handshake(wontHang(t), ours, tc.req)
			failure(t, err, engine.Protocol, tc.want)
			wait()
		})
	}
}

// cutConn lets a number of bytes through, byte by byte if it drips, and then
// ends the connection: with a reset or without.
type cutConn struct {
	*net.TCPConn
	left  int
	reset bool
	drip  bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	step := len(p)
	if c.drip {
		step = 1
	}
	for n := 0; n < len(p); {
		m, err := c.TCPConn.Write(p[n:min(n+step, n+c.left, len(p))])
		n += m
		c.left -= m
		if err != nil {
			return n, err
		}
		if c.left == 0 {
			if c.reset {
				c.SetLinger(0)
			}
			c.Close()
			return n, net.ErrClosed
		}
	}
	return len(p), nil
}

// A peer that goes away at any byte of the handshake leaves an error and
// nothing else, whatever our role is and however it goes.
func TestEarlyClose(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	id := makeIdentity(t, issued)
	e := local.New(local.Config{})
	for _, role := range []engine.Role{engine.Client, engine.Server} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, reset := range []bool{false, true} {
				t.Run(fmt.Sprintf("role %d, %s, reset %v", role, tls.VersionName(version), reset),
					func(t *testing.T) {
						failures := 0
						for left := 1; ; left += 61 {
							ours, theirs := tcpPair(t)
							cut := &cutConn{TCPConn: theirs, left: left, reset: reset}
							req := &engine.Request{Role: role, Name: "a.example", Policy: effective(a)}
							var conn *tls.Conn
							if role == engine.Client {
								conn = tls.Server(cut,
									&tls.Config{Certificates: []tls.Certificate{issued.TLS}, MaxVersion: version})
							} else {
								req.Name, req.Identities = "", []*identity.Identity{id}
								conn = tls.Client(cut,
									&tls.Config{ServerName: "a.example", RootCAs: a.Pool(), MaxVersion: version})
							}
							var peerErr error
							wait := peer(t, func() { peerErr = conn.Handshake() })
							got, err := e.Handshake(wontHang(t), ours, req)
							wait()
							if err == nil {
								got.Abort()
								if peerErr == nil {
									break // the cut is beyond the handshake
								}
								// All that we wait for came before the cut.
								continue
							}
							failures++
							var why *engine.Error
							if !errors.As(err, &why) || (why.Reason != engine.Protocol && why.Reason != engine.Network) {
								t.Errorf("cut after %d bytes: error %v, want a protocol or network error", left, err)
							}
							if why.Reason == engine.Network && !errors.Is(why, syscall.ECONNRESET) {
								t.Errorf("cut after %d bytes: network error %v, want ECONNRESET", left, why.Err)
							}
						}
						if failures < 5 {
							t.Errorf("only %d handshakes failed: the cuts were in the wrong place", failures)
						}
					})
			}
		}
	}
}

func TestDrip(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	ours, theirs := tcpPair(t)
	peer(t, func() {
		drip := &cutConn{TCPConn: theirs, left: 1 << 20, drip: true}
		serve(drip, &tls.Config{Certificates: []tls.Certificate{issued.TLS}})
	})
	conn, err := local.New(local.Config{}).Handshake(wontHang(t), ours,
		&engine.Request{Name: "a.example", Policy: effective(a)})
	if err != nil {
		t.Fatal(err)
	}
	converse(t, conn)
}

func TestCancel(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	ours, theirs := tcpPair(t)
	ctx, cancel := context.WithCancel(wontHang(t))
	wait := peer(t, func() {
		if _, err := io.ReadFull(theirs, make([]byte, 100)); err != nil {
			t.Errorf("read the beginning of the hello: %v", err)
		}
		cancel()
		_, _ = io.Copy(io.Discard, theirs) // until we are gone
	})
	_, err := local.New(local.Config{}).Handshake(ctx, ours,
		&engine.Request{Name: "a.example", Policy: effective(a), HandshakeTimeout: time.Hour})
	failure(t, err, engine.Cancelled, "the TLS handshake was cancelled")
	wait()

	ours, _ = tcpPair(t)
	_, err = local.New(local.Config{}).Handshake(ctx, ours,
		&engine.Request{Name: "a.example", Policy: effective(a)})
	failure(t, err, engine.Cancelled, "")
	if _, err := ours.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after a cancelled handshake: %v, want that the connection is closed", err)
	}
}

// pipeStream is a Stream without a descriptor, for tests with a false clock.
type pipeStream struct{ net.Conn }

func (p pipeStream) CloseWrite() error                     { return p.Close() }
func (p pipeStream) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

func TestTimeout(t *testing.T) {
	a := ssatest.NewAuthority(t)
	id := makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	for name, req := range map[string]*engine.Request{
		"client": {Name: "a.example", Policy: effective(a), HandshakeTimeout: 10 * time.Second},
		"server": {Role: engine.Server, Identities: []*identity.Identity{id}, Policy: effective(a), HandshakeTimeout: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				start := time.Now()
				go func() { _, _ = io.Copy(io.Discard, theirs) }() // a peer that listens and says nothing
				_, err := local.New(local.Config{}).Handshake(context.Background(), pipeStream{ours}, req)
				failure(t, err, engine.TimedOut, "the TLS handshake did not finish within 10s")
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("it took %v, want 10s", took)
				}
			})
		})
	}
	t.Run("of the caller", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			req := &engine.Request{Name: "a.example", Policy: effective(a),
				HandshakeTimeout: 10 * time.Second}
			_, err := local.New(local.Config{}).Handshake(ctx, pipeStream{ours}, req)
			failure(t, err, engine.TimedOut, "the TLS handshake did not finish in time")
		})
	})
}
