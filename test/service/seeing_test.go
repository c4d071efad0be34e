//go:build linux

package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSeeingAfterDeath: a worker that takes a killed one's place serves metrics
// at the same place, and appends to the same audit log.
func TestSeeingAfterDeath(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Dir(w.policy)
	path, log := filepath.Join(dir, "m"), filepath.Join(dir, "audit.log")
	s := w.service(t, "--metrics", "unix:"+path, "--audit", log)
	l := w.network.Listen(t)
	refused := func(name string) {
		t.Helper()
		p := w.python(t, []string{"--wait", "1m"}, `
t = tls()
put(t, NAME, args[1])
say(attempt(t.connect, ("127.0.0.1", int(args[0]))))
`, l.Port(), name)
		l.AcceptFailing()
		wantTranscript(t, p, "EPROTO")
		awaitAudit(t, log, `"name":"`+name+`"`)
	}
	refused("before.example")
	if err := unix.Kill(s.Worker(t), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.wantWorking(t)
	refused("after.example")
	if page := scrape(t, path); !strings.Contains(page, `ssa_refusals_total{what="untrusted"} 1`) {
		t.Errorf("the metrics are not those of the new worker:\n%s", page)
	}
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), "before.example") {
		t.Errorf("the lines of the killed worker are gone: %v\n%s", err, text)
	}
}
