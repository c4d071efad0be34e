//go:build linux

package wrapper

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// terminal is a pseudo-terminal with a command in the foreground.
type terminal struct {
	t      *testing.T
	master *os.File
	seen   strings.Builder // what was read and not yet expected
	chunks chan string
}

// onTerminal starts a command in a session of its own, on a terminal.
func onTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, slave := openTerminal(t)
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, master: master, chunks: make(chan string)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(term.chunks)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			if n > 0 {
				select {
				case term.chunks <- string(buffer[:n]):
				case <-t.Context().Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		master.Close()
		<-done
	})
	return term
}

func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		ssatest.Missing(t, "a pseudo-terminal: "+err.Error())
	}
	var number int
	raw, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if controlErr := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); controlErr != nil || err != nil {
		t.Fatalf("open a pseudo-terminal: %v %v", controlErr, err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		ssatest.Missing(t, "a pseudo-terminal: "+err.Error())
	}
	return master, slave
}

// types is what a person does at the keyboard.
func (term *terminal) types(keys string) {
	term.t.Helper()
	if _, err := io.WriteString(term.master, keys); err != nil {
		term.t.Fatalf("type %q: %v", keys, err)
	}
}

// expect reads until this text has come.
func (term *terminal) expect(text string) {
	term.t.Helper()
	if !term.shows(text, 20*time.Second) {
		term.t.Fatalf("the terminal does not show %q; on it: %q", text, term.seen.String())
	}
}

// insist types until the answer comes: what is typed soon after Ctrl-Z may be
// flushed with it, with or without ssa.
func (term *terminal) insist(keys, answer string) {
	term.t.Helper()
	for range 20 {
		term.types(keys)
		if term.shows(answer, time.Second) {
			return
		}
	}
	term.t.Fatalf("the terminal does not show %q; on it: %q", answer, term.seen.String())
}

// shows reads until this text has come, or not in time.
func (term *terminal) shows(text string, patience time.Duration) bool {
	term.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		all := term.seen.String()
		if _, after, found := strings.Cut(all, text); found {
			term.seen.Reset()
			term.seen.WriteString(after)
			return true
		}
		select {
		case chunk, ok := <-term.chunks:
			if !ok {
				term.t.Fatalf("the terminal ended before %q; on it: %q", text, all)
			}
			term.seen.WriteString(chunk)
		case <-timer.C:
			return false
		}
	}
}

// TestTerminal: the program has the terminal, and Ctrl-C reaches it once: the
// terminal signals the whole group, so ssa must not pass it on again.
func TestTerminal(t *testing.T) {
	term := onTerminal(t, sh(t, `stty -echo; trap 'n=$((n+1))' INT; [ -t 0 ] && [ -t 1 ] && echo terminal
		echo ready; while [ -z "$n" ]; do sleep 0.01; done; echo "interrupts: $n"; read x; echo "interrupts: $n, read: $x"`))
	term.expect("terminal")
	term.expect("ready")
	term.types("\x03")
	term.expect("interrupts: 1")
	term.types("line\n")
	term.expect("interrupts: 1, read: line")
}

// TestJobControl: Ctrl-Z stops the program under a shell, fg goes on with it,
// and Ctrl-C ends it.
func TestJobControl(t *testing.T) {
	ssatest.Need(t, "bash")
	cmd := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i")
	cmd.Env = append(os.Environ(), "PS1=prompt> ", "TERM=dumb", "HISTFILE=")
	term := onTerminal(t, cmd)
	term.expect("prompt> ")
	term.types("stty -echo; echo \"quiet\"now\n")
	term.expect("quietnow")
	term.expect("prompt> ")
	term.types(ssatest.SSA(t) + " run -- sh -c 'echo first; cat'\n")
	term.expect("first")
	term.types("hello\n")
	term.expect("hello")
	term.types("\x1a")
	term.expect("Stopped")
	term.expect("prompt> ")
	term.insist("echo still here: $((40+2))\n", "still here: 42")
	term.types("fg\n")
	term.expect("cat")
	term.types("after fg\n")
	term.expect("after fg")
	term.types("\x03")
	term.expect("prompt> ")
	term.insist("echo status: ${status=$?}\n", "status: 130")
}

// TestBackground: a job in the background does not take the terminal's input
// or its signals.
func TestBackground(t *testing.T) {
	ssatest.Need(t, "bash")
	cmd := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i")
	cmd.Env = append(os.Environ(), "PS1=prompt> ", "TERM=dumb", "HISTFILE=")
	term := onTerminal(t, cmd)
	term.expect("prompt> ")
	term.types("stty -echo; echo \"quiet\"now\n")
	term.expect("quietnow")
	term.types(ssatest.SSA(t) + " run -- sh -c 'sleep 0.5; echo from behind' &\n")
	term.expect("[1]")
	term.expect("prompt> ")
	term.types("\x03")
	term.expect("from behind")
	term.types("wait %1; echo status: $?\n")
	term.expect("status: 0")
}
