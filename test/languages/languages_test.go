//go:build linux

// Package languages tests that every language of examples has a TLS client
// and a TLS server: each against crypto/tls, and each against each other.
package languages

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// world is an authority that the programs' policy trusts.
type world struct {
	authority *ssatest.Authority
	run       ssatest.Run
	leaf      *ssatest.Issued
	files     map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{authority: ssatest.NewAuthority(t)}
	w.run = ssatest.Run{Policy: ssatest.PolicyWithRoots(t, "", w.authority.File(t)), Verbose: true}
	w.leaf = w.authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	w.files = map[string]string{"chain": w.leaf.ChainFile(t), "key": w.leaf.SharedKeyFile(t)}
	return w
}

// fetch runs a language's client and returns what it printed and how it ended.
func (w *world) fetch(t *testing.T, l language,
	host, port, path string) (page, complaint string, err error) {
	t.Helper()
	args := l.command(t, l.client, map[string]string{"host": host, "port": port, "path": path})
	cmd := w.run.Command(t, args[0], args[1:]...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// webServer is a server made of crypto/tls and net/http.
func (w *world) webServer(t *testing.T, leaf *ssatest.Issued) (port string) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0",
		&tls.Config{Certificates: []tls.Certificate{leaf.TLS}})
	if err != nil {
		t.Fatal(err)
	}
	pages := http.NewServeMux()
	pages.HandleFunc("/name", func(rw http.ResponseWriter, r *http.Request) {
		//nolint:errcheck // the client will miss it
		io.WriteString(rw, "you asked for "+r.TLS.ServerName+"\n")
	})
	pages.HandleFunc("/cut", cut)
	server := &http.Server{Handler: pages, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the web server ended: %v", err)
		}
	})
	_, port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// cut begins an answer and ends TCP without TLS's close_notify, as someone on
// the way could.
func cut(rw http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	//nolint:errcheck // the client will miss it
	io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nthe first half\n")
	conn.(*tls.Conn).NetConn().Close()
}

func TestClients(t *testing.T) {
	w := newWorld(t)
	port := w.webServer(t, w.leaf)
	other := w.webServer(t, w.authority.Issue(t, ssatest.Leaf{Names: []string{"other.example"}}))
	for _, l := range table {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			page, complaint, err := w.fetch(t, l, "localhost", port, "/name")
			if err != nil || !strings.HasSuffix(page, "you asked for localhost\n") {
				t.Errorf("it got %q and ended with %v\n%s", page, err, complaint)
			}
			page, complaint, err = w.fetch(t, l, "localhost", other, "/name")
			if err == nil || page != "" || !strings.Contains(complaint, "other.example") {
				t.Errorf("a server with another name: it got %q, ended with %v and said\n%s", page, err, complaint)
			}
			page, complaint, err = w.fetch(t, l, "localhost", port, "/cut")
			// asyncio's streams forget what they have when an error comes.
			if err == nil || page != "" && !strings.HasSuffix(page, "the first half\n") {
				t.Errorf("a page cut off: it got %q, ended with %v and said\n%s", page, err, complaint)
			}
		})
	}
}

// TestWithoutSSA: outside of ssa run a program says what to do, and sends nothing.
func TestWithoutSSA(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	heard := make(chan []byte)
	go func() {
		defer close(heard)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			text, _ := io.ReadAll(conn)
			conn.Close()
			heard <- text
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for _, l := range table {
		t.Run(l.name, func(t *testing.T) {
			values := map[string]string{"host": "localhost", "port": port, "path": "/",
				"chain": "chain.pem", "key": "key.pem"}
			for _, line := range []string{l.client, l.server} {
				if line == "" {
					continue
				}
				args := l.command(t, line, values)
				text, err := ssatest.Kill(t, exec.Command(args[0], args[1:]...)).CombinedOutput()
				if err == nil || !strings.Contains(string(text), "start it with ssa run -- ") ||
					strings.Contains(string(text), "Traceback") {
					t.Errorf("%s\nended with %v and said %q", line, err, text)
				}
			}
		})
	}
	listener.Close()
	for text := range heard {
		t.Errorf("in plain text, somebody sent %q", text)
	}
}

func TestServers(t *testing.T) {
	w := newWorld(t)
	for i, l := range table {
		if l.server == "" {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			port := w.start(t, l)
			for range 3 {
				w.ask(t, l, port)
			}
			for j, c := range table {
				// Who runs them does not depend on who talks to whom: one pair is enough then.
				if ssatest.Ordinary() && j != (i+1)%len(table) {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					page, complaint, err := w.fetch(t, c, "localhost", port, "/")
					if err != nil || !strings.Contains(page, l.greets+"\n") {
						t.Errorf("the client got %q and ended with %v\n%s", page, err, complaint)
					}
				})
			}
		})
	}
}

// ask fetches a page with crypto/tls.
func (w *world) ask(t *testing.T, l language, port string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: w.authority.Pool()},
	}}
	response, err := client.Get("https://localhost:" + port + "/")
	if err != nil {
		t.Fatalf("crypto/tls: %v", err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(page), l.greets+"\n") {
		t.Errorf("crypto/tls got %q, %v, wanted %q", page, err, l.greets)
	}
}
