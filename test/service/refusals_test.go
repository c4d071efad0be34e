//go:build linux

package service

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// refusals are those that the service tells of.
func (w *world) refusals(t *testing.T) []registry.Refusal {
	t.Helper()
	text, errs, status := w.ssa(t, "status", "--json")
	var s registry.Status
	if err := json.Unmarshal([]byte(text), &s); err != nil || status != 0 {
		t.Fatalf("status --json: %v, %s%s", err, text, errs)
	}
	return s.Refusals
}

// wantRefusal fails the test unless the last refusal is this one.
func (w *world) wantRefusal(t *testing.T, what, words string) registry.Refusal {
	t.Helper()
	all := w.refusals(t)
	if len(all) == 0 {
		t.Fatalf("no refusal is told, want %s with %q", what, words)
	}
	last := all[len(all)-1]
	if last.What != what || !strings.Contains(last.Sentence, words) ||
		last.Program.UID != uint32(os.Getuid()) || last.Program.PID != os.Getpid() {
		t.Errorf("the last refusal is %+v, want %s with %q", last, what, words)
	}
	return last
}

// TestRefusalsAreTold: whatever the service does not do for a caller, it tells
// the administrator of.
func TestRefusalsAreTold(t *testing.T) {
	w := newWorld(t)
	l := w.network.Listen(t)
	w.write(t, fmt.Sprintf("default:\n  peers: {deny: [\"127.0.0.1:%d\"]}\n", l.Port()))
	w.service(t)
	nonsense, err := net.Dial("unix", w.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer nonsense.Close()
	if _, err := nonsense.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, nonsense)
	if r := w.wantRefusal(t, registry.BadMessage, "broke the protocol"); r.Role != "" ||
		r.Program.Exe != "(unknown)" {
		t.Errorf("a caller of whom nothing is known is told as %+v", r)
	}
	self, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(self)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	tcp, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	file, err := tcp.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd := int(file.Fd())
	c := w.caller(t)
	request := wire.Request{Name: "a.example"}
	c.wantRefused(2, "TCP", &wire.Handshake{Ref: 2, Request: request}, int(null.Fd()), self)
	w.wantRefusal(t, registry.BadMessage, "not a TCP socket")
	c.wantRefused(3, "pidfd", &wire.Handshake{Ref: 3, Request: request}, fd)
	w.wantRefusal(t, registry.Unidentified, "this one has none")
	c.wantRefused(4, "executes",
		&wire.Handshake{Ref: 4, Request: wire.Request{Name: "a.example", Exe: "/bin/other"}}, fd, self)
	if r := w.wantRefusal(t, registry.Unidentified, "executed /bin/other"); r.Role != "client" ||
		r.Program.Exe == "(unknown)" {
		t.Errorf("a program that lies about itself is told as %+v", r)
	}
	c.wantRefused(5, "settings",
		&wire.Handshake{Ref: 5, Request: wire.Request{Name: "a.example", Options: [][]byte{{1}}}}, fd,
		self)
	w.wantRefusal(t, registry.ByPolicy, "settings")
	c.wantRefused(6, "forbids", &wire.Handshake{Ref: 6, Request: request}, fd, self)
	if r := w.wantRefusal(t, registry.ByPolicy,
		"the policy forbids connections to"); r.Position != w.policy+":2:17" || r.Peer == "" ||
		r.Name != "a.example" {
		t.Errorf("a forbidden peer is told as %+v", r)
	}
}

// onOtherThread begins f on a thread that ends with it, and what f changed of
// the thread with that. It is never the first thread, which Go keeps, and which
// is the whole process to who looks at it.
func onOtherThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			onOtherThread(f)
			return
		}
		f()
	}()
}

// dialAs connects to the service as another user.
func (w *world) dialAs(t *testing.T, uid int) *wire.Conn {
	t.Helper()
	type result struct {
		conn *wire.Conn
		err  error
	}
	dialled := make(chan result)
	onOtherThread(func() {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid),
			^uintptr(0)); errno != 0 {
			dialled <- result{err: errno}
			return
		}
		conn, err := wire.Dial(w.socket)
		dialled <- result{conn, err}
	})
	r := <-dialled
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(r.conn.Close)
	return r.conn
}

// TestAdministratorOnly: others switch no key log on and take nothing over, and
// the administrator is told who tried.
func TestAdministratorOnly(t *testing.T) {
	ssatest.NeedRoot(t, "only root can be two users")
	const nobody = 65534
	w := newWorld(t)
	if err := os.Chmod(filepath.Dir(w.socket), 0o755); err != nil {
		t.Fatal(err)
	}
	w.service(t)
	conn := w.dialAs(t, nobody)
	if _, err := wire.Greet(t.Context(), conn, wire.Hello{Agent: "test"}); err != nil {
		t.Fatal(err)
	}
	c := &caller{conn, t}
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "keys"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c.wantRefused(1, "only root may switch a key log on",
		&wire.KeyLog{Ref: 1, Profile: "default", Seconds: 60}, int(file.Fd()))
	c.wantRefused(2, "only root may take the service over", &wire.TakeOver{Ref: 2})
	all := w.refusals(t)
	if len(all) != 2 {
		t.Fatalf("%d refusals are told: %+v", len(all), all)
	}
	for _, r := range all {
		if r.What != registry.NotAdministrator || r.Program.UID != nobody {
			t.Errorf("the attempt is told as %+v", r)
		}
	}
}
