//go:build linux

package servers

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestInterruptedGate: signals that reach ssa itself, as the Go runtime sends
// them to its threads, must not show in the program. An answer with a
// descriptor that is interrupted must not become one without.
func TestInterruptedGate(t *testing.T) {
	ssatest.Need(t, "gcc")
	cmd := ssatest.Run{}.Command(t, build(t), "sockets", "-", "-")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	pause := time.NewTicker(200 * time.Microsecond) // or ssa would do nothing else
	defer pause.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the program ended with %v\n%s", err, stderr.String())
			}
			return
		case <-pause.C:
			_ = cmd.Process.Signal(syscall.SIGURG) // the program may have ended
		}
	}
}
