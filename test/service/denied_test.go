//go:build linux

package service

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// TestGateRefusals: what ssa run keeps from the network itself, the service
// tells the administrator of: in the status, the metrics and the audit log.
func TestGateRefusals(t *testing.T) {
	w := newWorld(t)
	w.write(t, "default: {versions: {min: \"1.3\"}, plain_tcp: deny, peers: {deny: [\"192.0.2.1\"]}}\n")
	dir := filepath.Dir(w.policy)
	page, log := filepath.Join(dir, "m"), filepath.Join(dir, "audit.log")
	w.service(t, "--metrics", "unix:"+page, "--audit", log)
	p := w.python(t, nil, `
s = tls()
say(put(s, VERSION_MIN, 0x0303))
say(attempt(s.connect, ("192.0.2.1", 443)))
say(attempt(socket.socket().connect, ("127.0.0.1", 9)))
say("@done")
wait()
`)
	p.Wait("done")
	sentences := []string{"TLS_VERSION_MIN 1.2 is not allowed", "the policy forbids connections to 192.0.2.1", "the policy allows no plain TCP connection to 127.0.0.1:9"}
	for _, sentence := range sentences {
		awaitAudit(t, log, sentence)
	}
	for _, f := range w.refusals(t) {
		if f.What != registry.ByPolicy || f.Source != registry.ByGate ||
			!strings.HasPrefix(f.Position, w.policy+":1:") ||
			!strings.Contains(f.Program.Exe, "python") || f.Program.PID == 0 ||
			f.Program.UID != uint32(os.Getuid()) || f.Program.Profile != "default" {
			t.Errorf("the status tells of %+v", f)
		}
	}
	if got := len(w.refusals(t)); got != len(sentences) {
		t.Errorf("the status tells of %d refusals, want %d", got, len(sentences))
	}
	for _, want := range []string{`ssa_refusals_total{what="policy"} 3`,
		`ssa_refusals_missed_total 0`} {
		if got := scrape(t, page); !strings.Contains(got, want) {
			t.Errorf("the metrics lack %s:\n%s", want, got)
		}
	}
	p.GoOn()
	p.Finish()
}

// TestGateRefusalOfShortProgram: a program that ends with its refusal is told
// of all the same.
func TestGateRefusalOfShortProgram(t *testing.T) {
	w := newWorld(t)
	w.write(t, "default: {plain_tcp: deny}\n")
	log := filepath.Join(filepath.Dir(w.policy), "audit.log")
	w.service(t, "--audit", log)
	p := w.python(t, nil, `
say(attempt(socket.socket().connect, ("127.0.0.1", 9)))
os._exit(0)
`)
	wantTranscript(t, p, "EPERM")
	awaitAudit(t, log, "the policy allows no plain TCP connection to 127.0.0.1:9")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var line registry.Refusal
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if exe := line.Program.Exe + line.Exe; !strings.Contains(exe, "python") ||
		line.Program.UID != uint32(os.Getuid()) {
		t.Errorf("the audit log has %s", text)
	}
}
