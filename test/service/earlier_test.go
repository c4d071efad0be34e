//go:build linux

package service

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// all are the status of the service and of those before it.
func (w *world) all(t *testing.T) (all []*registry.Status) {
	t.Helper()
	text, errs, status := w.ssa(t, "status", "--json")
	var s registry.Status
	if err := json.Unmarshal([]byte(text), &s); err != nil || status != 0 {
		t.Fatalf("status --json: %v, %s%s", err, text, errs)
	}
	return append([]*registry.Status{&s}, s.Earlier...)
}

// awaitServices waits until so many services tell of themselves: one that takes
// over is there before the other has left.
func (w *world) awaitServices(t *testing.T, n int) (all []*registry.Status) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if all = w.all(t); len(all) == n {
			return all
		}
		if time.Now().After(deadline) {
			text, _ := json.MarshalIndent(all, "", " ")
			t.Fatalf("%d services tell of themselves, want %d: %s", len(all), n, text)
		}
	}
}

// TestStatusOfEarlierServices: what a service that was replaced still serves is
// shown as long as it does, to who may see it.
func TestStatusOfEarlierServices(t *testing.T) {
	w := newWorld(t)
	if err := os.Chmod(filepath.Dir(w.socket), 0o755); err != nil {
		t.Fatal(err)
	}
	l := w.network.Listen(t)
	connect := `
s = tls()
put(s, NAME, "a.example")
connect(s, args[0])
say("@done")
wait()
`
	first := w.service(t)
	a := w.python(t, nil, connect, l.Port())
	l.Accept()
	a.Wait("done")
	second := w.service(t, "--replace")
	w.awaitServices(t, 2)
	b := w.python(t, nil, connect, l.Port())
	l.Accept()
	b.Wait("done")
	w.service(t, "--replace")
	all := w.awaitServices(t, 3)
	if len(all[0].Connections) != 0 || len(all[1].Connections) != 1 || len(all[2].Connections) != 1 {
		t.Errorf("the services tell of %d, %d and %d connections", len(all[0].Connections), len(all[1].Connections), len(all[2].Connections))
	}
	text, _, _ := w.ssa(t, "status")
	if strings.Count(text, "EARLIER SERVICE") != 2 ||
		strings.Count(text, "connecting")+strings.Count(text, "TLS 1.3") != 2 {
		t.Errorf("the status is\n%s", text)
	}
	if os.Getuid() == 0 {
		w.wantNothingFor(t, 65534)
	}
	b.GoOn()
	b.Finish()
	<-second.Ended // and the one before it cannot be asked any more
	w.awaitServices(t, 1)
	a.GoOn()
	a.Finish()
	<-first.Ended
}

// wantNothingFor fails the test if another user sees the connections of
// services of before, or may look as somebody else.
func (w *world) wantNothingFor(t *testing.T, uid int) {
	t.Helper()
	conn := w.dialAs(t, uid)
	if _, err := wire.Greet(t.Context(), conn, wire.Hello{Agent: "test"}); err != nil {
		t.Fatal(err)
	}
	for earlier := range uint64(3) {
		frame, err := wire.Ask(t.Context(), conn, 1, &wire.Status{Ref: 1, Earlier: earlier})
		if err != nil {
			t.Fatal(err)
		}
		var s registry.Status
		if err := json.Unmarshal(frame.Message.(*wire.Report).JSON[0], &s); err != nil {
			t.Fatal(err)
		}
		frame.Close()
		if s.AllUsers || len(s.Connections) > 0 || len(s.Programs) > 0 {
			t.Errorf("user %d sees of service %d before this one %+v", uid, earlier, s)
		}
		if _, err := wire.Ask(t.Context(), conn, 1,
			&wire.Status{Ref: 1, Earlier: earlier, For: true}); err == nil ||
			!strings.Contains(err.Error(), "only root may") {
			t.Errorf("user %d looks as root: %v", uid, err)
		}
	}
}
