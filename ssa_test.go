//go:build linux

package ssa_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa"
	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// role makes the test binary a program that uses the package, to be started
// under ssa run, with its arguments on standard input.
const role = "SSA_TEST_ROLE"

func TestMain(m *testing.M) {
	if name := os.Getenv(role); name != "" {
		if err := roles[name](); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// A service of this machine is none of the tests'.
	if err := os.Setenv("SSA_SOCKET", os.DevNull+"/none"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(ssatest.Main(m))
}

var roles = map[string]func() error{
	"trust": trust, "dial": dial, "settings": settings, "get": get, "serve": serve,
	"bad-listeners": badListeners,
}

// input is what the test says to the program.
func input(values ...any) error {
	_, err := fmt.Fscan(os.Stdin, values...)
	return err
}

// self is the command that starts this binary in a role.
func self(t *testing.T, run ssatest.Run, name string, values ...any) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := run.Command(t, binary)
	cmd.Env = append(os.Environ(), role+"="+name)
	if run.Service != "" { // without ssa run
		cmd.Path, cmd.Args = binary, []string{binary}
		cmd.Env = append(cmd.Env, "SSA_SOCKET="+run.Service)
	}
	cmd.Stdin = strings.NewReader(fmt.Sprintln(values...))
	return cmd
}

type world struct {
	authority *ssatest.Authority
	run       ssatest.Run
	leaf      *ssatest.Issued
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{authority: ssatest.NewAuthority(t)}
	w.leaf = w.authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	w.run = ssatest.Run{Policy: ssatest.PolicyWithRoots(t, "", w.authority.File(t)), Verbose: true}
	return w
}

// both runs a test with programs under ssa run, and with programs that ask the
// service.
func both(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("ssa run", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("service", func(t *testing.T) {
		w := newWorld(t)
		dir, err := os.MkdirTemp("", "ssa-") // a short path: sun_path is short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		w.run.Service = ssatest.StartService(t, w.run.Policy, filepath.Join(dir, "s")).Socket
		test(t, w)
	})
}

// listen serves TLS until the test ends, and returns where.
func listen(t *testing.T, leaf *ssatest.Issued, config *tls.Config) string {
	t.Helper()
	config.Certificates = []tls.Certificate{leaf.TLS}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello ", r.TLS.ServerName)
	}), ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "localhost:" + port
}

// dial tells all that is to be known of a connection, or why there is none.
func dial() error {
	var address, name string
	if err := input(&address, &name); err != nil {
		return err
	}
	d := ssa.Dialer{Net: net.Dialer{Timeout: time.Minute}}
	if name != "-" {
		d.ServerName = name
	}
	c, err := d.DialContext(context.Background(), "tcp", address)
	if err != nil {
		fmt.Println("refused:", errors.Is(err, syscall.EPROTO), errors.Is(err, syscall.ECONNREFUSED))
		fmt.Println(err)
		return nil
	}
	defer c.Close()
	conn := c.(*ssa.Conn)
	peer, err1 := conn.PeerIdentity()
	version, err2 := conn.Version()
	suite, err3 := conn.CipherSuite()
	chain, err4 := conn.PeerCertificates()
	last, err5 := conn.LastError()
	id, err6 := conn.ID()
	fmt.Printf("%s %#x %s %t %q %t\n", peer, version, suite,
		strings.HasPrefix(chain, "-----BEGIN CERTIFICATE"), last, id > 0)
	return errors.Join(err1, err2, err3, err4, err5, err6)
}

func TestDial(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		address := listen(t, w.leaf, &tls.Config{MinVersion: tls.VersionTLS13})
		got := ssatest.Output(t, self(t, w.run, "dial", address, "-"))
		if want := "localhost 0x304 TLS_AES_128_GCM_SHA256 true \"\" true\n"; got != want {
			t.Errorf("the program saw %q, wanted %q", got, want)
		}
		got = ssatest.Output(t, self(t, w.run, "dial", address, "other.example"))
		if !strings.HasPrefix(got, "refused: true false\n") || !strings.Contains(got, "other.example") ||
			!strings.Contains(got, "localhost") {
			t.Errorf("with another name, the program saw %q", got)
		}
		nobody, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		nobody.Close()
		got = ssatest.Output(t, self(t, w.run, "dial", nobody.Addr().String(), "-"))
		if !strings.HasPrefix(got, "refused: false true\n") {
			t.Errorf("with nobody there, the program saw %q", got)
		}
	})
}

// settings dials with options, and with options that cannot be.
func settings() error {
	var address string
	if err := input(&address); err != nil {
		return err
	}
	for _, s := range [][]ssa.Setting{
		{{abi.ALPN, "h2,http/1.1"}, {abi.VersionMax, 0x0303}},
		{{abi.VersionMax, "1.2"}},
		{{abi.Option(99), 1}},
		{{abi.CertificateChain, "/nowhere/chain.pem"}},
	} {
		d := ssa.Dialer{Settings: s}
		c, err := d.DialContext(context.Background(), "tcp4", address)
		if err != nil {
			fmt.Println(err)
			continue
		}
		version, err1 := c.(*ssa.Conn).Version()
		protocol, err2 := c.(*ssa.Conn).Protocol()
		fmt.Printf("%#x %s %v\n", version, protocol, errors.Join(err1, err2))
		c.Close()
	}
	return nil
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	address := listen(t, w.leaf, &tls.Config{NextProtos: []string{"http/1.1"}})
	lines := strings.Split(ssatest.Output(t, self(t, w.run, "settings", address)), "\n")
	for i, want := range []string{"0x303 http/1.1 <nil>", "TLS_VERSION_MAX: the option does not take a value of this type: string",
		"there is no TLS option 99", "TLS_CERTIFICATE_CHAIN: no such file"} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Errorf("line %d of\n%s\ndoes not say %q", i+1, strings.Join(lines, "\n"), want)
		}
	}
}

// trust connects with the roots in a file or folder.
func trust() error {
	var address, roots string
	if err := input(&address, &roots); err != nil {
		return err
	}
	d := ssa.Dialer{Settings: []ssa.Setting{{Option: abi.TrustedPeerCertificates, Value: roots}}}
	conn, err := d.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("connected")
	return conn.Close()
}

// TestRoots: a program narrows what the policy trusts, to the roots of a file or
// of a folder, in which not everything can be read.
func TestRoots(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		address := listen(t, w.leaf, &tls.Config{})
		folder := func(a *ssatest.Authority) string {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "ca.pem"), a.PEM(), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/nowhere", filepath.Join(dir, "dangling.pem")); err != nil {
				t.Fatal(err)
			}
			return dir
		}
		other := ssatest.NewAuthority(t)
		for roots, want := range map[string]string{
			folder(w.authority): "connected", w.authority.File(t): "connected", folder(other): "failed",
			t.TempDir(): "failed",
		} {
			said, _ := self(t, w.run, "trust", address, roots).Output() // it fails where it should
			if !strings.Contains(string(said), want) {
				t.Errorf("with the roots in %s it said %q, want %q", roots, said, want)
			}
		}
	})
}

// get uses the dialer in net/http: 20 requests at once.
func get() error {
	var address string
	if err := input(&address); err != nil {
		return err
	}
	transport := &http.Transport{DialTLSContext: new(ssa.Dialer).DialContext}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	failures := make(chan error)
	for range 20 {
		go func() {
			response, err := client.Get("https://" + address + "/")
			if err == nil {
				var page []byte
				page, err = io.ReadAll(response.Body)
				response.Body.Close()
				if err == nil && string(page) != "hello localhost" {
					err = fmt.Errorf("got %q", page)
				}
			}
			failures <- err
		}()
	}
	var all error
	for range 20 {
		all = errors.Join(all, <-failures)
	}
	return all
}

func TestTransport(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ssatest.Output(t, self(t, w.run, "get", listen(t, w.leaf, &tls.Config{})))
	})
}

// serve serves HTTP over a listener of the package, one request.
func serve() error {
	var chain, key string
	if err := input(&chain, &key); err != nil {
		return err
	}
	l, err := ssa.Listen(context.Background(), "tcp", "127.0.0.1:0", chain, key,
		ssa.Setting{Option: abi.ALPN, Value: "greeting"})
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Println(l.Addr())
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	conn := c.(*ssa.Conn)
	name, err1 := conn.ServerName()
	protocol, err2 := conn.Protocol()
	resumed, err3 := conn.Resumed()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "%s %s %t", name, protocol, resumed); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// server is a program in the role serve.
type server struct {
	t          *testing.T
	w          *world
	cmd        *exec.Cmd
	out        io.Reader
	complaints bytes.Buffer
	address    string
}

func newServer(t *testing.T, w *world) *server {
	t.Helper()
	cmd := self(t, w.run, "serve", w.leaf.ChainFile(t), w.leaf.SharedKeyFile(t))
	s := &server{t: t, w: w, cmd: cmd}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out, s.cmd.Stderr = out, &s.complaints
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscan(out, &s.address); err != nil {
		t.Fatalf("the server does not say where it is: %v\n%s", err, s.complaints.String())
	}
	return s
}

// greets is a client that gets all that there is, and goes. The server stays until
// then; meanwhile is called before.
func (s *server) greets(meanwhile func()) {
	s.t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", s.address,
		&tls.Config{RootCAs: s.w.authority.Pool(), ServerName: "localhost",
			NextProtos: []string{"greeting"}})
	if err != nil {
		s.t.Fatal(err)
	}
	greeting, err := io.ReadAll(conn)
	if want := "localhost greeting false"; err != nil || string(greeting) != want {
		s.t.Errorf("the server said %q, %v, wanted %q", greeting, err, want)
	}
	meanwhile()
	conn.Close()
}

// ends waits for the program.
func (s *server) ends() {
	s.t.Helper()
	rest, _ := io.ReadAll(s.out)
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server ended with %v: %s%s", err, rest, s.complaints.String())
	}
}

func TestListen(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		s := newServer(t, w)
		s.greets(func() {})
		s.ends()
	})
}

// manyClients are more than may be on their way to Accept at a time.
const manyClients = lobby.MaxUndelivered + 100

// TestListenAmongStalling: clients that say nothing, the beginning of a hello,
// or a hello and then nothing do not keep an honest one waiting until they go.
func TestListenAmongStalling(t *testing.T) {
	if lobby.ForDescriptors(sys.MaxDescriptors()).Share <= manyClients {
		ssatest.Missing(t, "descriptors for so many clients")
	}
	a, b := net.Pipe()
	go func() {
		_ = tls.Client(b, &tls.Config{ServerName: "localhost"}).Handshake() // without an answer
		b.Close()
	}()
	hello := make([]byte, 16<<10)
	n, err := a.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	for _, tc := range []struct {
		name    string
		says    []byte
		clients int
	}{
		{"nothing", nil, manyClients},
		{"a few bytes", hello[:7], manyClients},
		{"a whole hello", hello[:n], 300},
	} {
		t.Run(tc.name, func(t *testing.T) {
			both(t, func(t *testing.T, w *world) {
				s := newServer(t, w)
				var crowd []net.Conn
				for range tc.clients {
					c, err := net.Dial("tcp", s.address)
					if err == nil {
						_, err = c.Write(tc.says)
					}
					if err != nil {
						t.Fatal(err)
					}
					crowd = append(crowd, c)
				}
				s.greets(func() {
					if !stillOpen(crowd[0]) {
						t.Error("the honest client had to wait until another had gone")
					}
				})
				for _, c := range crowd {
					c.Close()
				}
				s.ends()
			})
		})
	}
}

// stillOpen reports whether the other side has not ended a connection yet.
func stillOpen(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Microsecond))
	for buf := make([]byte, 16<<10); ; {
		if _, err := c.Read(buf); err != nil {
			return errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

// badListeners tells why it cannot listen.
func badListeners() error {
	var chain, key string
	if err := input(&chain, &key); err != nil {
		return err
	}
	for _, files := range [][2]string{{"/nowhere/chain.pem", key}, {chain, chain}} {
		l, err := ssa.Listen(context.Background(), "tcp", "127.0.0.1:0", files[0], files[1])
		if err == nil {
			l.Close()
		}
		fmt.Println(err, errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EINVAL))
	}
	return nil
}

func TestBadListeners(t *testing.T) {
	w := newWorld(t)
	got := ssatest.Output(t, self(t, w.run, "bad-listeners", w.leaf.ChainFile(t),
		w.leaf.SharedKeyFile(t)))
	lines := strings.Split(got, "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "TLS_CERTIFICATE_CHAIN") ||
		!strings.HasSuffix(lines[0], "true false") ||
		!strings.Contains(lines[1], "TLS_PRIVATE_KEY") || !strings.HasSuffix(lines[1], "false true") {
		t.Errorf("the program saw\n%s", got)
	}
}

// TestUnavailable: this test itself has no gate around it.
func TestUnavailable(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	ctx := context.Background()
	if _, err := new(ssa.Dialer).DialContext(ctx, "tcp", plain.Addr().String()); !errors.Is(err,
		ssa.ErrUnavailable) {
		t.Errorf("DialContext returned %v, wanted %v", err, ssa.ErrUnavailable)
	}
	if _, err := ssa.Listen(ctx, "tcp", "127.0.0.1:0", "chain.pem", "key.pem"); !errors.Is(err,
		ssa.ErrUnavailable) {
		t.Errorf("Listen returned %v, wanted %v", err, ssa.ErrUnavailable)
	}
	for _, network := range []string{"udp", "unix", ""} {
		if _, err := new(ssa.Dialer).DialContext(ctx, network, "127.0.0.1:1"); err == nil ||
			errors.Is(err, ssa.ErrUnavailable) {
			t.Errorf("DialContext over %q returned %v", network, err)
		}
		if _, err := ssa.Listen(ctx, network, "127.0.0.1:0", "", ""); err == nil ||
			errors.Is(err, ssa.ErrUnavailable) {
			t.Errorf("Listen over %q returned %v", network, err)
		}
	}
	if _, err := new(ssa.Dialer).DialContext(ctx, "tcp", ":443"); err == nil ||
		!strings.Contains(err.Error(), "ServerName") {
		t.Errorf("DialContext without a host returned %v", err)
	}
}
