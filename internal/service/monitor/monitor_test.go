package monitor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy/bundle"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// memory is a bundle.Source.
type memory struct{ fstest.MapFS }

func (memory) RealPath(path string) (string, error) { return path, nil }

// bundleOf is the bundle of a policy whose text is not looked at.
func bundleOf(t testing.TB, text string) []byte {
	t.Helper()
	r := bundle.NewRecorder(memory{fstest.MapFS{"etc/policy": {Data: []byte(text)}}})
	f, err := r.Open("etc/policy")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return r.Encode()
}

// fixedIdentifier answers for any descriptor.
type fixedIdentifier struct {
	process program.Process
	err     error
}

func (l fixedIdentifier) Credentials(*sys.FD) (program.Process, error) { return l.process, l.err }

func (l fixedIdentifier) Executable(*sys.FD, *program.Process) error { return l.err }

// lockedBuffer is a buffer that goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// rig is a monitor with workers, and the stream to the worker of the moment.
type rig struct {
	t       testing.TB
	monitor *Monitor
	log     lockedBuffer
	ready   chan struct{}
	ended   chan error
	out     *os.File
	lines   *bufio.Reader
}

func start(t testing.TB, mode string, l Identifier, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, ready: make(chan struct{}, 16), ended: make(chan error, 1)}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.out = os.NewFile(uintptr(fds[0]), "commands")
	theirs := os.NewFile(uintptr(fds[1]), "commands")
	r.lines = bufio.NewReader(r.out)
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	second := os.NewFile(uintptr(pidfd), "pidfd")
	cfg := Config{
		Worker:     Command{Env: []string{modeEnv + "=" + mode}, Stderr: os.Stderr},
		Identifier: l, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Inherit: []*os.File{theirs, second},
		Ready:   func() { r.ready <- struct{}{} },
	}
	if change != nil {
		change(&cfg)
	}
	r.monitor = New(cfg, bundleOf(t, "one"))
	go func() { r.ended <- r.monitor.Run(context.Background()) }()
	t.Cleanup(func() {
		r.monitor.Stop()
		<-r.ended
		r.out.Close()
		theirs.Close()
		second.Close()
	})
	return r
}

func (r *rig) say(command string) { fmt.Fprintln(r.out, command) }

// want waits for a line of the worker.
func (r *rig) want(line string) {
	r.t.Helper()
	got, err := r.lines.ReadString('\n')
	if err != nil || got != line+"\n" {
		r.t.Fatalf("the worker said %q, %v; want %q", got, err, line)
	}
}

// over waits for the monitor's end.
func (r *rig) over() error {
	err := <-r.ended
	r.ended <- err
	return err
}

// named opens what a worker gets by name.
func named() (*os.File, error) {
	fd, err := seal([]byte("named\n"))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd.Disown()), "named"), nil
}

func TestWorker(t *testing.T) {
	exe := "/usr/bin/a\xff" // paths need not be UTF-8
	r := start(t, "serve",
		fixedIdentifier{process: program.Process{PID: 7, Program: subject.Program{Exe: exe}}},
		func(c *Config) {
			if os.Getuid() == 0 {
				c.Worker.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
			}
			c.Worker.Read = []string{"/etc"}
			c.Named = []Named{{Name: "audit", Open: named}, {Name: "lasting", Open: named, Lasting: true}}
		})
	r.want("file audit named")
	r.want("file lasting named")
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.say("look")
	r.want("process " + exe + " 7 <nil>")
	r.monitor.SetPolicy(bundleOf(t, "two"))
	r.want("policy two <nil>")
	r.monitor.Reopen()
	r.want("file audit named")
	r.say("resolve")
	r.want("hosts <nil> true resolved true")
	r.say("environment")
	r.want("environment 1")
	uid := os.Getuid()
	if uid == 0 {
		uid = 65534
	}
	denied := true
	if _, err := sys.LandlockABI(); err != nil {
		denied = false
	}
	r.say("rights")
	r.want(fmt.Sprintf("user %d no_new_privs 1 denied %v own group true", uid, denied))
	r.monitor.Stop()
	r.want("terminated")
	if err := r.over(); err != nil {
		t.Errorf("the monitor ended with %v", err)
	}
}

func TestLookFails(t *testing.T) {
	r := start(t, "serve", fixedIdentifier{err: errors.New("it has ended")}, nil)
	r.want("policy one <nil>")
	r.say("look")
	r.want("process  0 it has ended")
}

func TestTooManyGroups(t *testing.T) {
	p := program.Process{PID: 7}
	p.Groups = make([]uint32, maxGroups+1)
	r := start(t, "serve", fixedIdentifier{process: p}, nil)
	r.want("policy one <nil>")
	r.say("look")
	r.want(fmt.Sprintf("process  0 process 7 is in %d groups, and at most %d are supported", maxGroups+1, maxGroups))
}

// TestDeadWorkerIsReplaced: the next one has the policy of now.
func TestDeadWorkerIsReplaced(t *testing.T) {
	r := start(t, "serve", fixedIdentifier{}, nil)
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.monitor.SetPolicy(bundleOf(t, "two"))
	r.want("policy two <nil>")
	r.kill()
	r.want("policy two <nil>")
	r.say("ready")
	<-r.ready
	if said := r.log.String(); !strings.Contains(said, "the worker has died (signal: killed)") {
		t.Errorf("the log says %q", said)
	}
}

// TestPolicyIsKept: each worker knows why its policy is not the one of the
// files, until it is.
func TestPolicyIsKept(t *testing.T) {
	r := start(t, "serve", fixedIdentifier{}, nil)
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.monitor.KeepPolicy(errors.New("line 3 is wrong"))
	r.want("kept line 3 is wrong")
	r.kill()
	r.want("policy one <nil>")
	r.want("kept line 3 is wrong")
	r.say("ready")
	<-r.ready
	r.monitor.SetPolicy(bundleOf(t, "two"))
	r.want("policy two <nil>")
	r.kill()
	r.want("policy two <nil>")
	r.say("look") // nothing more came
	r.want("process  0 <nil>")
}

// kill kills the worker of the moment.
func (r *rig) kill() {
	r.monitor.mu.Lock()
	defer r.monitor.mu.Unlock()
	if err := r.monitor.current.process.Kill(); err != nil {
		r.t.Fatal(err)
	}
}

func TestDeadWorkerIsNotReplacedAfterLeaving(t *testing.T) {
	left := make(chan struct{})
	r := start(t, "serve", fixedIdentifier{}, func(c *Config) { c.Leaving = func() { close(left) } })
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.say("leaving")
	<-left
	r.kill()
	if err := r.over(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the monitor ended with %v", err)
	}
}

// TestWorkerThatEndsIsReplaced: nobody has told it to end, and a service that
// ends as if all were well is not started again.
func TestWorkerThatEndsIsReplaced(t *testing.T) {
	r := start(t, "serve", fixedIdentifier{}, nil)
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.say("end")
	r.want("policy one <nil>")
	if said := r.log.String(); !strings.Contains(said, "the worker has died (exit status 0)") {
		t.Errorf("the log says %q", said)
	}
}

func TestWorkerEndsAfterLeaving(t *testing.T) {
	r := start(t, "serve", fixedIdentifier{}, nil)
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.say("leaving")
	r.say("end")
	if err := r.over(); err != nil {
		t.Errorf("the monitor ended with %v", err)
	}
}

// TestWorkerCannotBeStarted: as when there is no memory, which passes.
func TestWorkerCannotBeStarted(t *testing.T) {
	if _, err := sys.LandlockABI(); err != nil {
		return // there is no other way to make it fail
	}
	folder := filepath.Join(t.TempDir(), "folder")
	r := start(t, "serve", fixedIdentifier{},
		func(c *Config) { c.Worker.Read = []string{filepath.Join(folder, "file")} })
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	if err := os.WriteFile(folder, nil, 0o600); err != nil { // and so no folder
		t.Fatal(err)
	}
	r.kill()
	ssatest.Await(t, "the monitor says that no worker can be started", func() bool {
		return strings.Contains(r.log.String(), "starting the worker:") || len(r.ended) > 0
	})
	if len(r.ended) > 0 {
		t.Fatalf("the monitor has ended: %v", r.over())
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	r.want("policy one <nil>")
}

// TestPolicyCannotBeHandedOver: a worker without one would serve nobody.
func TestPolicyCannotBeHandedOver(t *testing.T) {
	r := start(t, "serve", fixedIdentifier{}, nil)
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.monitor.mu.Lock()
	r.monitor.seal = func(data []byte) (*sys.FD, error) {
		r.monitor.seal = seal
		return nil, errors.New("no memory")
	}
	r.monitor.mu.Unlock()
	r.kill()
	r.want("policy one <nil>")
	if said := r.log.String(); !strings.Contains(said, "handing the policy over: no memory") {
		t.Errorf("the log says %q", said)
	}
}

func TestFirstWorkerFails(t *testing.T) {
	r := start(t, "fail", fixedIdentifier{}, func(c *Config) { c.Worker.Stderr = nil })
	if err := r.over(); err == nil ||
		!strings.Contains(err.Error(), "exit status 1 before it served anybody") {
		t.Errorf("the monitor ended with %v", err)
	}
}

func TestHostileWorkerIsKilled(t *testing.T) {
	for _, what := range []string{"garbage", "no JSON", "unknown field", "two messages", "a policy",
		"a reason", "a file", "an answer",
		"look at nothing", "two descriptors", "ten descriptors", "ready with one", "huge",
		"an unknown kind", "a negative group"} {
		t.Run(what, func(t *testing.T) {
			r := start(t, "nonsense", fixedIdentifier{}, func(c *Config) {
				c.Worker.Env = append(c.Worker.Env, "SSA_MONITOR_NONSENSE="+what)
			})
			if err := r.over(); err == nil || !strings.Contains(err.Error(), "signal: killed") {
				t.Errorf("the monitor ended with %v, want that the worker was killed", err)
			}
			if said := r.log.String(); !strings.Contains(said, "the worker is killed") {
				t.Errorf("the log says %q", said)
			}
		})
	}
}

// TestWorkerDiesWithMonitor: also one that does not notice that it is alone.
func TestWorkerDiesWithMonitor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(self)
	cmd.Env = []string{modeEnv + "=monitor"}
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	pid, atoiErr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || atoiErr != nil || pid == cmd.Process.Pid {
		t.Fatalf("the worker said %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// The pipe ends when neither process is there any more.
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("after the monitor's end: %q, %v", rest, err)
	}
}

func TestSealedMemoryStaysTheSame(t *testing.T) {
	fd, err := seal([]byte("a policy"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Pwrite(fd.Int(), []byte("x"), 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("writing to it: %v", err)
	}
	copied, err := fd.Dup()
	if err != nil {
		t.Fatal(err)
	}
	if data, err := unseal(fd, 8); err != nil || string(data) != "a policy" {
		t.Errorf("it reads %q, %v", data, err)
	}
	if _, err := unseal(copied, 7); err == nil {
		t.Error("a wrong size is not an error")
	}
}

func FuzzDecode(f *testing.F) {
	p := &processMessage{Exe: []byte("/bin/a"), Groups: []uint32{1}, PID: 2}
	for _, m := range []message{{Kind: kindLook, ID: 1}, {Kind: kindReady},
		{Kind: kindAnswer, ID: 1, Process: p}, {Kind: kindFile, Text: []byte("audit")}} {
		data, err := m.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			return
		}
		again, err := m.encode()
		if err != nil {
			if len(data) <= maxMessage/8 {
				t.Fatalf("%+v is not encoded: %v", m, err)
			}
			return
		}
		if back, err := decode(again); err != nil || back.Kind != m.Kind || back.ID != m.ID ||
			!bytes.Equal(back.Text, m.Text) || (back.Process == nil) != (m.Process == nil) {
			t.Fatalf("%+v became %+v, %v", m, back, err)
		}
	})
}

func TestNothingLeaks(t *testing.T) {
	ssatest.NoLeaks(t)
	r := start(t, "serve", fixedIdentifier{}, nil)
	r.want("policy one <nil>")
	for range 3 {
		r.say("look")
		r.want("process  0 <nil>")
	}
}

// BenchmarkLook is what a question of the worker costs, answered with what the
// kernel says of a process.
func BenchmarkLook(b *testing.B) {
	identifier, err := program.New(program.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer identifier.Close()
	r := start(b, "serve", identifier, nil)
	r.want("policy one <nil>")
	b.ResetTimer()
	r.say(fmt.Sprintf("look often %d", b.N))
	r.want("looked")
}
