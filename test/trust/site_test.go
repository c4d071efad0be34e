//go:build linux

package trust

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

const host = "a.example"

// site is one server and what becomes of a connection to it.
type site struct {
	name string
	// serve makes the server. It may set the site's policy.
	serve func(w *world) *tls.Config
	// host is the name asked for, a.example if empty.
	host string
	// words must all be in TLS_ERROR; without any, the site is a good one.
	words []string
	// control is a client that gets through, to prove that the site works.
	control *tls.Config
}

// world is what surrounds a site: its authority, and where that publishes.
type world struct {
	*testing.T
	root *ssatest.Authority
	// policy are lines of the policy's trust section.
	policy []string
	// more are lines of the policy's default section.
	more  []string
	roots []string
	mux   *http.ServeMux
	url   string
}

func newWorld(t *testing.T) *world {
	root := ssatest.NewAuthority(t)
	w := &world{T: t, root: root, roots: []string{root.File(t)}, mux: http.NewServeMux()}
	published := httptest.NewServer(w.mux)
	t.Cleanup(published.Close)
	w.url = published.URL
	return w
}

// publish serves an answer; it may be made after its address is known.
func (w *world) publish(path string, answer func() []byte) string {
	w.mux.HandleFunc(path, func(out http.ResponseWriter, _ *http.Request) {
		if _, err := out.Write(answer()); err != nil {
			w.Errorf("publish %s: %v", path, err)
		}
	})
	return w.url + path
}

func (w *world) trust(lines ...string) { w.policy = append(w.policy, lines...) }

func (w *world) policyFile() string {
	var text strings.Builder
	for _, line := range w.policy {
		text.WriteString("    " + line + "\n")
	}
	for _, line := range w.more {
		text.WriteString("  " + line + "\n")
	}
	return ssatest.PolicyWithRoots(w.T, text.String(), w.roots...)
}

// with is a server with one certificate.
func with(issued *ssatest.Issued) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{issued.TLS}}
}

// run connects a C program to each site.
func run(t *testing.T, sites []site) {
	t.Helper()
	for _, s := range sites {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			config := s.serve(w)
			l := (&peer.Network{Server: config}).Listen(t)
			if s.control != nil {
				tryControl(t, l, s.control)
			}
			if s.host == "" {
				s.host = host
			}
			p := programs.Start(t, ssatest.Run{Policy: w.policyFile(), Verbose: true}.Command(t,
				programs.C(t), "verify", "proto=205", fmt.Sprintf("port=%d", l.Port()), "name="+s.host))
			if len(s.words) == 0 {
				c, err := l.TryAccept()
				if err != nil {
					t.Fatalf("the handshake failed: %v\nthe program printed\n  %s\n%s", err, strings.Join(p.Finish(), "\n  "), p.Stderr())
				}
				c.ExpectEnd()
				c.Close()
				if got := p.Finish(); !slices.Contains(got, "connect = 0") {
					t.Errorf("a good site is refused; the program printed\n  %s", strings.Join(got, "\n  "))
				}
				return
			}
			_ = l.AcceptFailing() // only that it failed matters
			refused(t, p, s.words)
		})
	}
}

// refused checks errno and the sentence.
func refused(t *testing.T, p *programs.Process, words []string) {
	t.Helper()
	got := p.Finish()
	if !slices.Contains(got, "connect = -1 EPROTO") {
		t.Errorf("connect did not fail with EPROTO; the program printed\n  %s", strings.Join(got, "\n  "))
	}
	sentence := ""
	for _, line := range got {
		if text, ok := strings.CutPrefix(line, "TLS_ERROR: "); ok {
			sentence = text
		}
	}
	for _, word := range words {
		if !strings.Contains(sentence, word) {
			t.Errorf("TLS_ERROR does not say %q: %s", word, sentence)
		}
	}
	t.Logf("TLS_ERROR: %s", sentence)
}

func tryControl(t *testing.T, l *peer.Listener, client *tls.Config) {
	t.Helper()
	client = client.Clone()
	client.InsecureSkipVerify = true // what is proved is that the two can talk
	done := make(chan error, 1)
	go func() {
		c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.Port()), client)
		if err == nil {
			err = c.Close()
		}
		done <- err
	}()
	c, err := l.TryAccept()
	if err == nil {
		c.Close()
	}
	if clientErr := <-done; err != nil || clientErr != nil {
		t.Fatalf("the control client does not get through either: %v; %v", err, clientErr)
	}
}
