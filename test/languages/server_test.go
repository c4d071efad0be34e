//go:build linux

package languages

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a server may take to start. Nothing is concluded from
// time passing, other than that the test has failed.
const patience = 60 * time.Second

var announced = regexp.MustCompile(`(?m)^listening on \S+ port (\d+)$`)

// announcement is the standard output of a server, which says its port.
type announcement struct {
	port chan string // has one value, once it is known

	mu   sync.Mutex
	text bytes.Buffer
	said bool
}

func (a *announcement) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text.Write(p)
	if m := announced.FindSubmatch(a.text.Bytes()); m != nil && !a.said {
		a.said = true
		a.port <- string(m[1])
	}
	return len(p), nil
}

func (a *announcement) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.String()
}

// start starts a language's server, which is killed when the test ends.
func (w *world) start(t *testing.T, l language) (port string) {
	t.Helper()
	args := l.command(t, l.server, w.files)
	cmd := w.run.Command(t, args[0], args[1:]...)
	out := &announcement{port: make(chan string, 1)}
	errs := &announcement{port: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = out, errs
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", strings.Join(cmd.Args, " "), err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s\nstandard output:\n%s\nstandard error:\n%s", strings.Join(cmd.Args, " "), out, errs)
		}
	})
	select {
	case port := <-out.port:
		return port
	case <-time.After(patience):
		t.Fatal("the server does not say where it listens")
	}
	return ""
}
