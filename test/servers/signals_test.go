//go:build linux

package servers

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	pid := cmd.Process.Pid
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
			interrupt(pid)
		}
	}
}

// interrupt sends a signal to every thread of a process, as the Go runtime
// does to have a goroutine give way. The process may have ended.
func interrupt(pid int) {
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, thread := range threads {
		if tid, err := strconv.Atoi(thread.Name()); err == nil {
			_ = unix.Tgkill(pid, tid, unix.SIGURG)
		}
	}
}
