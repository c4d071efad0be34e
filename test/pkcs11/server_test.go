//go:build linux

package pkcs11

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/programs"
)

// greeter is a server without a certificate of its own, which greets everybody.
const greeter = `
import socket, threading
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
s.bind(("127.0.0.1", 0))
s.listen(64)
print("@port", s.getsockname()[1], flush=True)
def greet(c):
    c.sendall(b"hello")
    c.close()
while True:
    threading.Thread(target=greet, args=(s.accept()[0],)).start()
`

// world is a server under a service whose policy's identities are on a token.
type world struct {
	service *ssatest.Service
	port    int
	roots   *x509.CertPool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, func(*token) {})
}

// newWorldWith is newWorld with something done to the token before the service
// starts, which has more arguments.
func newWorldWith(t *testing.T, prepare func(*token), args ...string) *world {
	t.Helper()
	ssatest.Need(t, "python3")
	helper(t)
	k, authority := newToken(t), ssatest.NewAuthority(t)
	var text strings.Builder
	text.WriteString("default: {server: {identity: [ec, rsa]}}\nidentities:\n")
	for name, bits := range map[string]int{"ec": 0, "rsa": 2048} {
		issued := authority.Issue(t, ssatest.Leaf{Names: []string{name + ".example"}, RSA: bits})
		fmt.Fprintf(&text, "  %s: {chain: %s, key: %q}\n", name, issued.ChainFile(t),
			k.add(t, name, issued))
	}
	prepare(k)
	w := &world{roots: authority.Pool()}
	dir := shortDir(t)
	policy := filepath.Join(dir, "policy.yaml")
	write(t, policy, text.String())
	w.service = ssatest.StartService(t, policy, filepath.Join(dir, "s"), args...)
	p := programs.Start(t, ssatest.Run{Service: w.service.Socket, Verbose: true}.Command(t, "python3",
		"-c", greeter))
	w.port = p.Port()
	return w
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ssa-") // a short path: sun_path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// visit makes a connection to a name of the server.
func (w *world) visit(name string, version uint16) error {
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.port),
		&tls.Config{RootCAs: w.roots, ServerName: name, MinVersion: version, MaxVersion: version})
	if err != nil {
		return err
	}
	defer c.Close()
	if said, err := io.ReadAll(c); err != nil || string(said) != "hello" {
		return fmt.Errorf("the server said %q, %v", said, err)
	}
	return nil
}

// TestServer: the token signs for each kind of key and version, for many at
// once, and again after its process was killed.
func TestServer(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	for _, name := range []string{"ec.example", "rsa.example"} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for range 8 {
				group.Go(func() {
					if err := w.visit(name, version); err != nil {
						t.Errorf("%s, %s: %v", name, tls.VersionName(version), err)
					}
				})
			}
		}
	}
	group.Wait()
	pid := w.helperPID(t)
	w.wantProtected(t, pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := w.visit("ec.example", tls.VersionTLS13)
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no connection after the token's process was killed: %v\n%s", err, w.service.Said())
		}
	}
	if w.helperPID(t) == pid {
		t.Error("the process that was killed is still there")
	}
	w.killWorker(t)
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := w.visit("rsa.example", tls.VersionTLS13)
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no connection after the worker was killed: %v\n%s", err, w.service.Said())
		}
	}
}

// TestTokenUser: root's service may use tokens as somebody who has no other
// rights.
func TestTokenUser(t *testing.T) {
	ssatest.NeedRoot(t, "only root can use tokens as somebody else")
	const nobody = 65534
	w := newWorldWith(t, func(k *token) {
		err := filepath.WalkDir(k.dir, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Chown(path, nobody, nobody))
		})
		if err != nil {
			t.Fatal(err)
		}
	}, "--token-user", "nobody")
	if err := w.visit("ec.example", tls.VersionTLS13); err != nil {
		t.Error(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.helperPID(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nUid:\t65534\t65534\t65534\t65534\n",
		"\nCapEff:\t0000000000000000\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("ssa-pkcs11 has not %q:\n%s", want, status)
		}
	}
}

// wantProtected looks at the process that has a software token's keys in its
// memory from outside.
func (w *world) wantProtected(t *testing.T, pid int) {
	t.Helper()
	read := func(pid int, file, line string) string {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), line)
		rest, _, _ = strings.Cut(rest, "\n")
		return strings.Join(strings.Fields(rest), " ")
	}
	if got := read(pid, "limits", "Max core file size"); got != "0 0 bytes" {
		t.Errorf("core dumps of ssa-pkcs11 are limited to %s", got)
	}
	const none = "0 kB"
	if worker := read(w.child(t, "daemon-worker"), "status", "VmLck:"); worker != none &&
		read(pid, "status", "VmLck:") == none {
		t.Errorf("the memory of ssa-pkcs11 may be swapped, and %s of the worker's may not", worker)
	}
	for _, secret := range []string{"87654321", "12345678"} {
		if strings.Contains(read(pid, "cmdline", ""), secret) {
			t.Error("the PIN is in the command line")
		}
	}
}

// child finds the child of the service with a name.
func (w *world) child(t *testing.T, name string) int {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		out, _ := exec.Command("pgrep", "-P", strconv.Itoa(w.service.Cmd.Process.Pid), "-f",
			name).Output()
		if pid, err := strconv.Atoi(strings.TrimSpace(string(out))); err == nil {
			return pid
		}
	}
	t.Fatalf("the service has no child %s", name)
	return 0
}

func (w *world) helperPID(t *testing.T) int {
	t.Helper()
	return w.child(t, "ssa-pkcs11")
}

func (w *world) killWorker(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(w.child(t, "daemon-worker"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestRefused: what is wrong with a token is said at the start, with the place
// in the policy.
func TestRefused(t *testing.T) {
	helper(t)
	k, authority := newToken(t), ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	other := authority.Issue(t, ssatest.Leaf{Names: []string{"b.example"}})
	good := k.add(t, "good", issued)
	k.add(t, "other", other)
	wrong := filepath.Join(k.dir, "wrong")
	write(t, wrong, "00000000\n")
	for _, tc := range []struct{ name, key, want string }{
		{"wrong PIN", k.uri("good", wrong), "PIN"},
		{"no PIN file", k.uri("good", "/no/such/pin"), "/no/such/pin"},
		{"no such key", k.uri("nobody", k.pin), "nobody"},
		{"no such token", strings.Replace(good, "token=ssa", "token=none", 1), "token"},
		{"no such module", strings.Replace(good, module, "/no/such/module.so", 1), "/no/such/module.so"},
		{"another key", k.uri("other", k.pin), "does not belong"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := shortDir(t)
			policy := filepath.Join(dir, "policy.yaml")
			write(t, policy, fmt.Sprintf("default: {server: {identity: a}}\nidentities:\n  a: {chain: %s, key: %q}\n", issued.ChainFile(t), tc.key))
			out, err := exec.Command(ssatest.SSA(t), "daemon", "--policy", policy, "--socket",
				filepath.Join(dir, "s")).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tc.want) ||
				!strings.Contains(string(out), "policy.yaml:3") {
				t.Errorf("the service ended with %v and said\n%s\nwanted %q at line 3", err, out, tc.want)
			}
			if strings.Contains(string(out), "87654321") || strings.Contains(string(out), "00000000") {
				t.Errorf("the PIN is told:\n%s", out)
			}
		})
	}
}
