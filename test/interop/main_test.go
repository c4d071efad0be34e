//go:build linux

// Package interop lets programs under `ssa run` talk to implementations of TLS
// that share no code with it: OpenSSL's tools, nginx, curl, Python's ssl; and
// to Go's for what the others cannot show.
package interop

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/programs"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

const (
	name     = "interop.example"
	patience = 20 * time.Second
)

// world is a certificate that everybody in a test knows.
type world struct {
	authority     *ssatest.Authority
	policy, roots string
	chain, key    string
}

func newWorld(t *testing.T, leaf ssatest.Leaf) *world {
	t.Helper()
	authority := ssatest.NewAuthority(t)
	leaf.Names = append(leaf.Names, name)
	// An intermediate, as most servers have one.
	issued := authority.Intermediate(t).Issue(t, leaf)
	roots := authority.File(t)
	return &world{authority: authority, policy: ssatest.PolicyWithRoots(t, "", roots), roots: roots,
		chain: issued.ChainFile(t), key: issued.KeyFile(t)}
}

// client starts a C program that connects to a port.
func (w *world) client(t *testing.T, scenario string, port int,
	settings ...string) *programs.Process {
	t.Helper()
	args := append([]string{scenario, "proto=205", "name=" + name, fmt.Sprintf("port=%d", port)},
		settings...)
	return programs.Start(t, ssatest.Run{Policy: w.policy, Verbose: true}.Command(t,
		programs.C(t), args...))
}

// server starts a C program that serves, and returns it and its port.
func (w *world) server(t *testing.T, scenario string, settings ...string) (*programs.Process, int) {
	t.Helper()
	args := append([]string{scenario, "proto=205", "chain=" + w.chain, "key=" + w.key}, settings...)
	p := programs.Start(t, ssatest.Run{Policy: w.policy, Verbose: true}.Command(t,
		programs.C(t), args...))
	return p, p.Port()
}

// tool is a foreign program at work, with what it has printed.
type tool struct {
	t   *testing.T
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

func (f *tool) Write(data []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.Write(data)
}

func (f *tool) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out.String()
}

// startTool starts a foreign server and waits until its port answers.
func startTool(t *testing.T, port int, program string, args ...string) *tool {
	t.Helper()
	f := &tool{t: t, cmd: ssatest.Kill(t, exec.Command(program, args...))}
	f.cmd.Stdout, f.cmd.Stderr = f, f
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return f
		}
	}
	t.Fatalf("%s does not listen on port %d:\n%s", program, port, f)
	return nil
}

// write puts a file into a new folder and returns both.
func write(t *testing.T, file, text string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, file)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, dir
}
