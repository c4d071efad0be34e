package local_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// responder answers OCSP requests about any certificate it is told of later.
type responder struct {
	url    string
	answer atomic.Pointer[[]byte]
	asked  atomic.Int32
	open   chan struct{} // closed when it may answer
}

func newResponder(t testing.TB) *responder {
	r := &responder{open: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		_, _ = io.Copy(io.Discard, req.Body)
		<-r.open
		_, _ = w.Write(*r.answer.Load())
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// log collects lines, and tells when there is one.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
	line chan struct{}
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	select {
	case l.line <- struct{}{}:
	default:
	}
	return len(p), nil
}

// stapledBy makes a server's engine that has learnt what it can: it returns when
// the first answer has been taken or refused.
func stapledBy(t *testing.T, a, trusted *ssatest.Authority, issued *ssatest.Issued, r *responder,
	anywhere bool) (*local.Engine, *engine.Request, *log) {
	t.Helper()
	l := &log{line: make(chan struct{}, 1)}
	e := local.New(local.Config{Log: slog.New(slog.NewTextHandler(l,
		&slog.HandlerOptions{Level: slog.LevelDebug}))})
	t.Cleanup(e.Close)
	pol := effective(trusted)
	pol.OCSPStapling, pol.RevocationAnywhere, pol.Resumption = true, anywhere, false
	pol.RevocationTimeout = time.Minute
	req := &engine.Request{Role: engine.Server, Policy: pol,
		Identities: []*identity.Identity{makeIdentity(t, issued)}}
	if got := staple(t, e, req, a); got != nil {
		t.Error("the first handshake has a staple; did it wait for one?")
	}
	close(r.open)
	for {
		l.mu.Lock()
		known := strings.Contains(l.text.String(), "an OCSP response is stapled") ||
			strings.Contains(l.text.String(), "no OCSP response to staple")
		l.mu.Unlock()
		if known {
			return e, req, l
		}
		select {
		case <-l.line:
		case <-time.After(time.Minute):
			t.Fatal("no outcome within a minute")
		}
	}
}

// staple returns what a client is shown.
func staple(t *testing.T, e engine.Engine, req *engine.Request, a *ssatest.Authority) []byte {
	t.Helper()
	conn, err, client, clientErr := accept(t, e, req,
		&tls.Config{ServerName: "a.example", RootCAs: a.Pool()})
	if err != nil || clientErr != nil {
		t.Fatalf("server: %v, client: %v", err, clientErr)
	}
	response := client.ConnectionState().OCSPResponse
	greet(t, conn, client)
	return response
}

func TestServerStaples(t *testing.T) {
	ssatest.NoLeaks(t)
	for _, tc := range []struct {
		name          string
		answer        ssatest.OCSPAnswer
		stranger      bool // signs instead of the authority
		private       bool // and fetches go to public addresses alone
		nowhere       bool // the certificate names no responder
		chain, issuer bool // how the issuer is known: by the chain, or by trust.roots
		want          string
	}{
		{name: "good, issuer among the roots", issuer: true},
		{name: "good, issuer in the chain", chain: true},
		{name: "issuer not known", want: "its issuer is not known"},
		{name: "revoked", issuer: true, answer: ssatest.OCSPAnswer{Status: ocsp.Revoked}, want: "the certificate was revoked on"},
		{name: "unknown", issuer: true, answer: ssatest.OCSPAnswer{Status: ocsp.Unknown}, want: "the responder does not know the certificate"},
		{name: "old", issuer: true, answer: ssatest.OCSPAnswer{From: time.Now().Add(-9 * time.Hour), To: time.Now().Add(-8 * time.Hour)}, want: "it expired on"},
		{name: "ends within the skew of clocks", issuer: true, answer: ssatest.OCSPAnswer{To: time.Now().Add(-time.Second)}, want: "has expired already"},
		{name: "not signed by the issuer", issuer: true, stranger: true, want: "not signed by the authority"},
		{name: "private address", issuer: true, private: true, want: "revocation_networks"},
		{name: "no responder", issuer: true, nowhere: true, want: "names no OCSP responder"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := ssatest.NewAuthority(t)
			r := newResponder(t)
			by := a
			if tc.chain {
				by = a.Intermediate(t)
			}
			issued := by.Issue(t, ssatest.Leaf{Names: []string{"a.example"},
				Edit: func(c *x509.Certificate) {
					if !tc.nowhere {
						c.OCSPServer = []string{r.url}
					}
				}})
			signer := by
			if tc.stranger {
				signer = ssatest.NewAuthority(t)
			}
			answer := signer.OCSP(t, issued.Leaf(), tc.answer)
			r.answer.Store(&answer)
			trusted := ssatest.NewAuthority(t)
			if tc.issuer {
				trusted = a
			}
			e, req, l := stapledBy(t, a, trusted, issued, r, !tc.private)
			got := staple(t, e, req, a)
			switch {
			case tc.want == "" && !bytes.Equal(got, answer):
				t.Errorf("the staple has %d bytes, want the responder's answer of %d", len(got), len(answer))
			case tc.want != "" && got != nil:
				t.Error("an answer is stapled that should not be")
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if !strings.Contains(l.text.String(), tc.want) {
				t.Errorf("no %q in the log:\n%s", tc.want, l.text.String())
			}
			if tc.private && r.asked.Load() != 0 {
				t.Error("a private address was asked")
			}
		})
	}
}

// openssl accepts what is stapled.
func TestServerStaplesForOpenSSL(t *testing.T) {
	ssatest.Need(t, "openssl")
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	r := newResponder(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"},
		Edit: func(c *x509.Certificate) { c.OCSPServer = []string{r.url} }})
	answer := a.OCSP(t, issued.Leaf(), ssatest.OCSPAnswer{})
	r.answer.Store(&answer)
	e, req, _ := stapledBy(t, a, a, issued, r, true)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wait := peer(t, func() {
		tcp, err := listener.Accept()
		listener.Close()
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		conn, err := e.Handshake(wontHang(t), tcp.(engine.Stream), req)
		if err != nil {
			t.Errorf("handshake: %v", err)
			return
		}
		conn.Abort()
	})
	out, err := exec.CommandContext(wontHang(t), "openssl", "s_client", "-status", "-connect",
		listener.Addr().String(),
		"-servername", "a.example", "-CAfile", a.File(t)).CombinedOutput()
	listener.Close()
	wait()
	for _, want := range []string{"OCSP Response Status: successful (0x0)", "Cert Status: good",
		"Verify return code: 0 (ok)"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("openssl (%v) does not say %q:\n%s", err, want, out)
		}
	}
}
