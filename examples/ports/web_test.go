package ports_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// patience is how long a server may take to start or to stop. Nothing is
// concluded from time passing, other than that the test has failed.
const patience = 20 * time.Second

// site is a web site for the ported servers: a page, and the certificate and
// key in one file.
type site struct {
	dir, page, pem string
	client         *http.Client
	address        string
}

func newSite(t *testing.T) *site {
	t.Helper()
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	s := &site{dir: t.TempDir(), page: strings.Repeat("a page of some length\n", 5000)}
	s.pem = filepath.Join(s.dir, "mini_httpd.pem")
	docs := filepath.Join(s.dir, "docs")
	if err := os.Mkdir(docs, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{s.pem: string(issued.ChainPEM) + string(issued.KeyPEM),
		filepath.Join(docs, "page.txt"): s.page} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	s.address = "localhost:" + port
	s.client = &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: authority.Pool()},
	}}
	return s
}

func (s *site) port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

// start starts a server and waits until it answers.
func (s *site) start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, s.dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("the server does not end at SIGTERM")
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", strings.Join(cmd.Args, " "), out.String())
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody listens at %s: %v", s.address, err)
		}
	}
}

// load fetches the page by many clients at once.
func (s *site) load(t *testing.T) {
	t.Helper()
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 10 {
				if err := s.fetch(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
}

func (s *site) fetch() error {
	response, err := s.client.Get("https://" + s.address + "/page.txt")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || string(page) != s.page {
		return fmt.Errorf("got %s and %d bytes of %d, %v", response.Status, len(page), len(s.page), err)
	}
	return nil
}

// plain makes sure that nothing is served in plain text.
func (s *site) plain(t *testing.T) {
	t.Helper()
	response, err := s.client.Get("http://" + s.address + "/page.txt")
	if err != nil {
		return
	}
	defer response.Body.Close()
	if page, _ := io.ReadAll(response.Body); strings.Contains(string(page), "a page") {
		t.Error("the page was served in plain text")
	}
}

// TestMiniHTTPD: a process for each connection.
func TestMiniHTTPD(t *testing.T) {
	program := port(t, "mini-httpd-tls")
	s := newSite(t)
	run := ssatest.Run{Verbose: true}
	s.start(t, run.Command(t, program, "-D", "-h", "127.0.0.1", "-p", s.port(), "-d", "docs"))
	s.load(t)
	s.plain(t)
}

// TestLighttpd: three processes, made beforehand, with an event loop each,
// that share a listener.
func TestLighttpd(t *testing.T) {
	program, module := port(t, "lighttpd-tls"), port(t, "mod_staticfile.so")
	s := newSite(t)
	config := fmt.Sprintf(`server.document-root = "%s/docs"
server.bind = "127.0.0.1"
server.port = %s
server.max-worker = 3
server.compat-module-load = "disable"
server.modules = ( "mod_staticfile" )
ssl.pemfile = "%s"
`, s.dir, s.port(), s.pem)
	file := filepath.Join(s.dir, "lighttpd.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	run := ssatest.Run{Verbose: true}
	s.start(t, run.Command(t, program, "-D", "-f", file, "-m", filepath.Dir(module)))
	s.load(t)
	s.plain(t)
}

// TestWget fetches pages, directly and through a proxy, where the TLS
// connection begins in the middle of a plain one.
func TestWget(t *testing.T) {
	wget := port(t, "wget-tls")
	page := strings.Repeat("a page of some length\n", 5000)
	serverPort, run := serve(t, func(conn *tls.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return // a client that does not trust this server
		}
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(page), page)
	})
	url := "https://localhost:" + serverPort + "/page.txt"
	if got := ssatest.Output(t, run.Command(t, wget, "-q", "-O", "-", "--tries=1", url)); got != page {
		t.Errorf("wget got %d bytes of %d", len(got), len(page))
	}
	proxy := connectProxy(t)
	cmd := run.Command(t, wget, "-q", "-O", "-", "--tries=1", "-e", "https_proxy="+proxy, "-e",
		"use_proxy=yes", url)
	if got := ssatest.Output(t, cmd); got != page {
		t.Errorf("through a proxy, wget got %d bytes of %d", len(got), len(page))
	}
	cmd = run.Command(t, wget, "-O", "-", "--tries=1", "https://127.0.0.1:"+serverPort+"/page.txt")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err == nil || out.Len() > 0 {
		t.Errorf("from a server whose certificate does not name the address, wget got %d bytes and ended with %v", out.Len(), err)
	}
}

// connectProxy is an HTTP proxy that knows CONNECT, for one connection after
// the other.
func connectProxy(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				if err := tunnel(conn); err != nil {
					t.Errorf("the proxy: %v", err)
				}
			})
		}
	})
	t.Cleanup(work.Wait)
	t.Cleanup(func() { listener.Close() })
	return "http://" + listener.Addr().String()
}

func tunnel(conn net.Conn) error {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return err
	}
	if request.Method != http.MethodConnect {
		return fmt.Errorf("asked to %s", request.Method)
	}
	server, err := net.Dial("tcp", request.Host)
	if err != nil {
		return err
	}
	defer server.Close()
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connected\r\n\r\n"); err != nil {
		return err
	}
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(server, reader)            //nolint:errcheck // ends with the connection
		server.(*net.TCPConn).CloseWrite() //nolint:errcheck // the server may be gone
	})
	io.Copy(conn, server)            //nolint:errcheck // ends with the connection
	conn.(*net.TCPConn).CloseWrite() //nolint:errcheck // the client may be gone
	up.Wait()
	return nil
}
