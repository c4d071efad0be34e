package local_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

// A session is no way round a revocation that came after it.
func TestResumptionAsksForRevocationsAgain(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	path := filepath.Join(t.TempDir(), "list.crl")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			now := time.Now()
			publish := func(revoked ...*x509.Certificate) {
				t.Helper()
				if err := os.WriteFile(path, a.RevocationList(t, ssatest.RevocationList{Revoked: revoked}),
					0o600); err != nil {
					t.Fatal(err)
				}
				now = now.Add(time.Minute)
				if err := os.Chtimes(path, now, now); err != nil {
					t.Fatal(err)
				}
			}
			e := local.New(local.Config{Now: func() time.Time { return now }})
			pol := effective(a)
			pol.Revocation, pol.CRLFiles = policy.RevocationRequire, []string{path}
			resumed := false
			cfg := &tls.Config{Certificates: []tls.Certificate{issued.TLS}, MaxVersion: version}
			cfg.VerifyConnection = func(cs tls.ConnectionState) error { resumed = cs.DidResume; return nil }
			req := &engine.Request{Name: "a.example", Policy: pol, Port: 443}
			publish()
			for i := range 2 {
				ours, theirs := tcpPair(t)
				wait := peer(t, func() { serve(theirs, cfg) })
				conn, err := e.Handshake(wontHang(t), ours, req)
				if err != nil {
					t.Fatal(err)
				}
				converse(t, conn)
				wait()
				if resumed != (i == 1) {
					t.Fatalf("connection %d resumed: %v", i+1, resumed)
				}
			}
			publish(issued.Leaf())
			resumed = false
			ours, theirs := tcpPair(t)
			wait := peer(t, func() { serve(theirs, cfg) })
			_, err := e.Handshake(wontHang(t), ours, req)
			wait()
			failure(t, err, engine.Untrusted, "")
			if err == nil || !strings.Contains(err.Error(), "was revoked on") || !resumed {
				t.Errorf("resumed %v, and %v", resumed, err)
			}
		})
	}
}

// What came with the first handshake, staple and timestamps, counts in resumed
// ones; when the staple has ended, a full handshake fetches a new one.
func TestResumptionWithStaple(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	logs := []*ssatest.Log{ssatest.NewLog(t, "a", "A"), ssatest.NewLog(t, "b", "B")}
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, Edit: func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{ssatest.MustStaple()}
	}})
	for _, log := range logs {
		issued.TLS.SignedCertificateTimestamps = append(issued.TLS.SignedCertificateTimestamps,
			log.Timestamp(t, issued.Leaf(), time.Now()))
	}
	list, err := transparency.Parse(ssatest.LogList(t, time.Now(), logs...))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			now := time.Now()
			e := local.New(local.Config{Now: func() time.Time { return now }})
			pol := effective(a)
			pol.Revocation, pol.Transparency, pol.Logs = policy.RevocationRequire, true, list
			cfg := &tls.Config{Certificates: []tls.Certificate{issued.TLS}, MaxVersion: version}
			req := &engine.Request{Name: "a.example", Policy: pol, Port: 443}
			staple := func(until time.Duration) {
				cfg = cfg.Clone()
				cfg.SetSessionTicketKeys([][32]byte{{1}})
				leaf := issued.TLS
				leaf.OCSPStaple = a.OCSP(t, issued.Leaf(), ssatest.OCSPAnswer{To: now.Add(until)})
				cfg.Certificates = []tls.Certificate{leaf}
			}
			staple(time.Hour)
			for i, step := range []struct {
				after   time.Duration
				resumes bool
			}{{0, false}, {time.Minute, true}, {2 * time.Hour, false}, {time.Minute, true}} {
				if now = now.Add(step.after); step.after > time.Hour {
					staple(time.Hour)
				}
				conn, err := connect(t, e, req, cfg)
				if err != nil {
					t.Fatalf("connection %d: %v", i+1, err)
				}
				converse(t, conn)
				if conn.Facts().Resumed != step.resumes {
					t.Errorf("connection %d: resumed %v, want %v", i+1, conn.Facts().Resumed, step.resumes)
				}
			}
		})
	}
}

// A caller that gives up ends a fetch.
func TestRevocationWithinTheHandshake(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	asked := make(chan struct{}, 1)
	responder := silent(t, asked)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"},
		Edit: func(c *x509.Certificate) { c.OCSPServer = []string{responder} }})
	pol := effective(a)
	pol.Revocation, pol.RevocationAnywhere, pol.RevocationTimeout = policy.RevocationRequire,
		true, time.Hour
	req := &engine.Request{Name: "a.example", Policy: pol}
	ours, theirs := tcpPair(t)
	wait := peer(t, func() { serve(theirs, &tls.Config{Certificates: []tls.Certificate{issued.TLS}}) })
	ctx, cancel := withCancel(t)
	go func() {
		<-asked
		cancel()
	}()
	_, err := local.New(local.Config{}).Handshake(ctx, ours, req)
	failure(t, err, engine.Cancelled, "the TLS handshake was cancelled")
	wait()
}

func withCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(wontHang(t))
	t.Cleanup(cancel)
	return ctx, cancel
}

// silent is a responder that takes a question and gives no answer.
func silent(t *testing.T, asked chan<- struct{}) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wait := peer(t, func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		asked <- struct{}{}
		_, _ = io.Copy(io.Discard, conn) // until the other side gives up
	})
	t.Cleanup(func() {
		listener.Close()
		wait()
	})
	return "http://" + listener.Addr().String()
}
