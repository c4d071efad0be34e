//go:build linux

// Package tickets lets servers on several machines resume each other's
// sessions, with a real Redis server between them. A machine is an `ssa run` of
// its own here: it has memory, policy and files of its own.
package tickets

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

const (
	name     = "farm.example"
	password = "sesame"
	patience = 20 * time.Second
)

// farm is what the machines of a test have in common.
type farm struct {
	t         *testing.T
	authority *ssatest.Authority
	roots     string
	chain     string
	key       string // of the servers
	secret    string // a key_file
	password  string // a password_file
	redis     *redis
}

func newFarm(t *testing.T) *farm {
	t.Helper()
	ssatest.Need(t, "redis-server", "python3")
	f := &farm{t: t, authority: ssatest.NewAuthority(t)}
	issued := f.authority.Issue(t, ssatest.Leaf{Names: []string{name}})
	f.roots, f.chain, f.key = f.authority.File(t), issued.ChainFile(t), issued.KeyFile(t)
	f.secret = f.write("ticket.key", newSecret(t))
	f.password = f.write("password", []byte(password+"\n"))
	return f
}

// in is the farm for a part of a test.
func (f *farm) in(t *testing.T) *farm {
	part := *f
	part.t = t
	return &part
}

func newSecret(t *testing.T) []byte {
	t.Helper()
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

func (f *farm) write(name string, data []byte) string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// store is the store of a policy, with other values where a test wants them.
func (f *farm) store(change map[string]string) string {
	keys := map[string]string{
		"address": "rediss://localhost:" + strconv.Itoa(f.redis.port), "ca": f.redis.ca, "user": "ssa",
		"password_file": f.password, "key_file": f.secret,
	}
	for key, value := range change {
		keys[key] = value
	}
	var text strings.Builder
	for _, key := range []string{"address", "ca", "user", "password_file", "identity", "key_file"} {
		if keys[key] != "" {
			fmt.Fprintf(&text, "    %s: %q\n", key, keys[key])
		}
	}
	return "ticket_stores:\n  farm:\n" + text.String()
}

// policy writes a policy with a store, and more lines of the default.
func (f *farm) policy(store, more string) string {
	f.t.Helper()
	return f.write("policy.yaml", []byte(fmt.Sprintf(`default:
  trust: {roots: [%q]}
  sessions: {ticket_store: farm}
  server: {identity: www}
%sidentities:
  www: {chain: %q, key: %q}
%s`, f.roots, more, f.chain, f.key, store)))
}

// pythonServer greets whoever comes, for ever.
const pythonServer = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
s.bind(("127.0.0.1", 0))
s.listen(50)
print(s.getsockname()[1], flush=True)
while True:
    try:
        c, _ = s.accept()
        c.sendall(b"hello\n")
        c.shutdown(socket.SHUT_WR)
        c.recv(1)
        c.close()
    except OSError:
        pass
`

// machine is a server on a machine of its own.
type machine struct {
	port int
	said *output
}

// machine starts a server under a policy.
func (f *farm) machine(policy string) *machine {
	f.t.Helper()
	m := &machine{said: &output{}}
	// Never with a service that the tests run with: that would be one machine.
	cmd := ssatest.Kill(f.t, exec.Command(ssatest.SSA(f.t), "run", "-v", "--policy", policy, "--",
		"python3", "-c", pythonServer))
	cmd.Stderr = m.said
	m.port = startWithPort(f.t, cmd, m.said)
	return m
}

// startWithPort starts a program that prints its port first.
func startWithPort(t *testing.T, cmd *exec.Cmd, said *output) int {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	port, convErr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || convErr != nil {
		t.Fatalf("the server printed %q (%v), want its port; on standard error:\n%s", line, err, said)
	}
	return port
}

// output collects what a program writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String leaves out what is said of each connection that goes well.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return ordinary.ReplaceAllString(o.text.String(), "")
}

var ordinary = regexp.MustCompile(`(?m)^ssa: \[\d+\] (accepted|ended) .*\n`)

// client is a TLS client that remembers sessions.
func (f *farm) client(version uint16) *tls.Config {
	return &tls.Config{ServerName: name, RootCAs: f.authority.Pool(), MinVersion: version,
		MaxVersion:         version,
		ClientSessionCache: tls.NewLRUClientSessionCache(1)}
}

// visit makes a connection, reads the greeting, and says whether it resumed.
func visit(m *machine, cfg *tls.Config) (resumed bool, err error) {
	dialer := &net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(dialer, "tcp",
		net.JoinHostPort("127.0.0.1", strconv.Itoa(m.port)), cfg)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	data, err := io.ReadAll(conn)
	if err == nil && string(data) != "hello\n" {
		err = fmt.Errorf("the server said %q", data)
	}
	return conn.ConnectionState().DidResume, err
}

// passes makes a session on one machine and says whether it resumes on another.
func (f *farm) passes(from, to *machine, version uint16) bool {
	f.t.Helper()
	cfg := f.client(version)
	if resumed, err := visit(from, cfg); err != nil || resumed {
		f.t.Fatalf("a new client: resumed %v, error %v\n%s", resumed, err, from.said)
	}
	resumed, err := visit(to, cfg)
	if err != nil {
		f.t.Fatalf("the second connection: %v\n%s", err, to.said)
	}
	return resumed
}

// become waits until something holds.
func (f *farm) become(what string, holds func() bool, machines ...*machine) {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	text := "within " + patience.String() + " it did not come about that " + what
	for _, m := range machines {
		text += "\n" + m.said.String()
	}
	f.t.Fatal(text)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
