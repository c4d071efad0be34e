//go:build linux

package programs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// patience is how long a program may take for one step. Nothing is concluded
// from time passing, other than that the test has failed.
const patience = 60 * time.Second

// Process is a test program at work.
type Process struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.WriteCloser
	// control carries the '@' lines; it is closed when there are no more.
	control chan string

	mu         sync.Mutex
	transcript []string
	stderr     bytes.Buffer

	finished bool
}

// Start starts a command and begins to listen to it.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	ssatest.Kill(t, cmd)
	p := &Process{t: t, cmd: cmd, control: make(chan string, 64)}
	cmd.Stderr = lockedWriter{p}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", strings.Join(cmd.Args, " "), err)
	}
	go p.listen(stdout)
	t.Cleanup(func() {
		if t.Failed() && !p.finished {
			t.Logf("unfinished: %s", p)
		}
	})
	return p
}

// Pid is the process id of the command: of ssa, when there is one.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

type lockedWriter struct{ p *Process }

func (w lockedWriter) Write(data []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.p.stderr.Write(data)
}

// listen sorts the program's lines until there are no more. Start's pipe ends
// it: when the command ends or is killed.
func (p *Process) listen(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if token, ok := strings.CutPrefix(lines.Text(), "@"); ok {
			p.control <- token
			continue
		}
		p.mu.Lock()
		p.transcript = append(p.transcript, lines.Text())
		p.mu.Unlock()
	}
	close(p.control)
}

// String is everything known of the process, for failures.
func (p *Process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%s\nprinted:\n  %s\nstandard error:\n  %s", strings.Join(p.cmd.Args, " "),
		strings.Join(p.transcript, "\n  "), strings.ReplaceAll(p.stderr.String(), "\n", "\n  "))
}

// Wait waits until the program says this token, and returns what follows it on
// the line.
func (p *Process) Wait(token string) string {
	p.t.Helper()
	select {
	case line, ok := <-p.control:
		if !ok {
			p.t.Fatalf("the program ended before it said %q", token)
		}
		rest, ok := strings.CutPrefix(line, token)
		if !ok {
			p.t.Fatalf("the program said %q, wanted %q", line, token)
		}
		return strings.TrimSpace(rest)
	case <-time.After(patience):
		p.t.Fatalf("the program does not say %q", token)
	}
	panic("unreachable")
}

// Port waits for the number of the port that the program listens on.
func (p *Process) Port() int {
	p.t.Helper()
	port, err := strconv.Atoi(p.Wait("port"))
	if err != nil {
		p.t.Fatalf("the program's port: %v", err)
	}
	return port
}

// GoOn lets a program continue that waits for the test.
func (p *Process) GoOn() {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, "\n"); err != nil {
		p.t.Fatalf("let the program go on: %v", err)
	}
}

// WaitAndGoOn is Wait and then GoOn.
func (p *Process) WaitAndGoOn(token string) {
	p.t.Helper()
	p.Wait(token)
	p.GoOn()
}

// Input gives the program text on its standard input, and ends that.
func (p *Process) Input(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, text); err != nil {
		p.t.Fatalf("write to the program's standard input: %v", err)
	}
	p.stdin.Close()
}

// Signal sends a signal to the command.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("send %v: %v", s, err)
	}
}

// Finish waits for the end and returns the transcript, the last line of which
// is the exit status.
func (p *Process) Finish() []string {
	p.t.Helper()
	p.stdin.Close()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case token, ok := <-p.control:
			if ok {
				p.t.Errorf("the program said %q, which nobody waited for", token)
				continue
			}
			return p.ended()
		case <-timer.C:
			p.t.Fatal("the program does not end")
		}
	}
}

func (p *Process) ended() []string {
	p.t.Helper()
	err := p.cmd.Wait()
	status := "exit status 0"
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exitStatus(exit)
	} else if err != nil {
		p.t.Fatalf("wait for %s: %v", p.cmd.Path, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = true
	return append(p.transcript, status)
}

// exitStatus says a death by a signal as a shell would: `ssa run` can only
// report it that way, or die of the same signal.
func exitStatus(exit *exec.ExitError) string {
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return fmt.Sprintf("exit status %d", 128+int(ws.Signal()))
	}
	return fmt.Sprintf("exit status %d", exit.ExitCode())
}

// Stderr is what the command has written to standard error so far.
func (p *Process) Stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}
