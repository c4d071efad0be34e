//go:build linux

package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// ssa runs a command of ssa about this world's service.
func (w *world) ssa(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.Command(ssatest.SSA(t), append(args, "--socket", w.socket)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestStatus: what a program knows as TLS_ID, the administrator finds.
func TestStatus(t *testing.T) {
	w := newWorld(t)
	if _, text, status := w.ssa(t, "status"); status != 125 ||
		!strings.Contains(text, "no service is running at "+w.socket) || !strings.Contains(text, "hint") {
		t.Errorf("without a service: status %d, %s", status, text)
	}
	w.service(t)
	l := w.network.Listen(t)
	p := w.python(t, nil, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
s.sendall(b"hello")
say("@id", struct.unpack("=Q", s.getsockopt(205, ID, 8))[0])
wait()
s.close()
t = tls()
put(t, NAME, "b.example")
say(attempt(t.connect, ("127.0.0.1", int(args[0]))))
say("@refused")
wait()
`, l.Port())
	conn := l.Accept()
	conn.Expect("hello")
	id := p.Wait("id")
	text, errs, status := w.ssa(t, "status", "--json")
	var s registry.Status
	if err := json.Unmarshal([]byte(text), &s); err != nil || status != 0 {
		t.Fatalf("status --json: %v, %s%s", err, text, errs)
	}
	if len(s.Connections) != 1 || strconv.FormatUint(s.Connections[0].ID, 10) != id {
		t.Fatalf("the program's connection is %s, and the service has %+v", id, s.Connections)
	}
	c := s.Connections[0]
	if c.Version != "TLS 1.3" || c.Name != "a.example" || c.PeerIdentity != "a.example" ||
		c.Sent != 5 || c.State != "connected" ||
		c.Program.UID != uint32(os.Getuid()) || !strings.Contains(c.Program.Exe, "python") {
		t.Errorf("the connection is told as %+v", c)
	}
	if len(s.Certificates) != 1 || s.Certificates[0].Identity != "www" {
		t.Errorf("certificates %+v", s.Certificates)
	}
	for _, args := range [][]string{{"status"}, {"status", id}} {
		text, errs, status := w.ssa(t, args...)
		if status != 0 || !strings.Contains(text, "a.example") || !strings.Contains(text, "TLS 1.3") ||
			!strings.Contains(text, id) {
			t.Errorf("%v: status %d\n%s%s", args, status, text, errs)
		}
	}
	if _, text, status := w.ssa(t, "status", "999999"); status != 1 ||
		!strings.Contains(text, "there is no connection 999999") {
		t.Errorf("a connection that is not there: status %d, %s", status, text)
	}
	p.GoOn()
	l.AcceptFailing()
	p.Wait("refused")
	text, errs, _ = w.ssa(t, "status")
	if !strings.Contains(text, "LAST REFUSALS") || !strings.Contains(text, "untrusted") ||
		!strings.Contains(text, "b.example") {
		t.Errorf("the refusal is not told:\n%s%s", text, errs)
	}
	p.GoOn()
	p.Finish()
}

// TestKeyLogOfService: what the service writes are the secrets that the peer
// knows too.
func TestKeyLogOfService(t *testing.T) {
	w := newWorld(t)
	w.service(t)
	var theirs bytes.Buffer
	w.network.Server.KeyLogWriter = &theirs
	l := w.network.Listen(t)
	name := filepath.Join(filepath.Dir(w.policy), "keys")
	if _, errs, status := w.ssa(t, "keylog", "--to", name, "--profile", "defautl"); status == 0 ||
		!strings.Contains(errs, `no profile "defautl"`) {
		t.Errorf("a profile that there is not: status %d, %s", status, errs)
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left of a key log that was refused: %v", err)
	}
	text, errs, status := w.ssa(t, "keylog", "--to", name, "--for", "1m")
	if status != 0 || !strings.Contains(text, "profile default") {
		t.Fatalf("keylog: status %d, %s%s", status, text, errs)
	}
	p := w.python(t, nil, `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
say("@connected")
wait()
`, l.Port())
	l.Accept()
	p.Wait("connected")
	if text, _, _ := w.ssa(t, "status"); !strings.Contains(text, "KEY LOG") {
		t.Errorf("status does not tell of the key log:\n%s", text)
	}
	ours, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(theirs.String()) {
		lines++
		if !strings.Contains(string(ours), line) {
			t.Errorf("the key log lacks %q:\n%s", line, ours)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 || lines == 0 {
		t.Errorf("%d lines of the peer, the file is %v, %v", lines, info.Mode(), err)
	}
	if text, errs, status := w.ssa(t, "keylog", "--off"); status != 0 ||
		!strings.Contains(text, "profile default is over") {
		t.Errorf("keylog --off: status %d, %s%s", status, text, errs)
	}
	if text, _, _ := w.ssa(t, "status"); strings.Contains(text, "KEY LOG") {
		t.Errorf("status tells of a key log that is over:\n%s", text)
	}
	if _, errs, status := w.ssa(t, "keylog", "--off"); status == 0 ||
		!strings.Contains(errs, `no key log of a profile "default" is on`) {
		t.Errorf("keylog --off once more: status %d, %s", status, errs)
	}
	p.GoOn()
	p.Finish()
}

// TestBadPolicyIsShown: that the files have a policy which is not used is told
// until they have another one.
func TestBadPolicyIsShown(t *testing.T) {
	w := newWorld(t)
	w.service(t)
	good, err := os.ReadFile(w.policy)
	if err != nil {
		t.Fatal(err)
	}
	shown := func(want bool) {
		t.Helper()
		ssatest.Await(t, fmt.Sprintf("the failure is shown: %v", want), func() bool {
			text, _, _ := w.ssa(t, "status")
			return strings.Contains(text, "POLICY the last reload of the policy failed") == want
		})
	}
	shown(false)
	w.write(t, "default: {versions: {min: nonsense}}\n")
	shown(true)
	w.write(t, string(good))
	shown(false)
}
