//go:build unix

package ssatest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// engineEnv, when "service", runs the tests' programs with a service in place
// of the engine of `ssa run`: all of them have to pass with both.
const engineEnv = "SSA_TEST_ENGINE"

// WithService reports whether programs run with a service.
func WithService() bool { return os.Getenv(engineEnv) == "service" }

// services are those that this test binary has started, by policy.
type services struct {
	mu      sync.Mutex
	started map[string]*Service
}

var shared = services{started: map[string]*Service{}}

// Service is an `ssa daemon` at work.
type Service struct {
	Socket string
	Cmd    *exec.Cmd
	// Ended is closed when the process has ended.
	Ended  chan struct{}
	stderr lockedBuffer
}

// lockedBuffer is a buffer that a process writes and a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Said is what the service has written to standard error.
func (s *Service) Said() string { return s.stderr.String() }

// Worker is the process that does TLS: the other one only watches it. It waits
// for one, since callers may connect before it is there.
func (s *Service) Worker(t testing.TB) int {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.Cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range lists {
			data, _ := os.ReadFile(name) // a thread may have ended
			worker, err := strconv.Atoi(strings.TrimSpace(string(data)))
			// Before it executes, a child still is what its parent is.
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", worker))
			if err == nil && strings.Contains(string(line), "daemon-worker") {
				return worker
			}
		}
	}
	t.Fatalf("process %d has no child that does TLS; it said:\n%s", s.Cmd.Process.Pid, s.Said())
	return 0
}

// end ends the service for nothing but the end of the tests.
func (s *Service) end() {
	saveCoverage(s.Cmd.Process.Pid, s.Ended)
	s.Kill()
}

// Kill ends the service with SIGKILL and waits until it has ended.
func (s *Service) Kill() {
	_ = s.Cmd.Process.Kill()
	<-s.Ended
}

// forPolicy returns the socket of a service with a policy, which is started
// when there is none and ends with the test binary.
func (s *services) forPolicy(t testing.TB, policy string) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.started[policy]; known != nil {
		return known.Socket
	}
	name := fmt.Sprintf("service-%d-%d.sock", os.Getpid(), len(s.started))
	dir := os.Getenv(artifactsEnv)
	if Ordinary() {
		dir = os.Getenv("HOME") // which Main made for it
	}
	service := startService(t, policy, filepath.Join(dir, name))
	s.started[policy] = service
	return service.Socket
}

func (s *services) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, service := range s.started {
		service.end()
	}
}

// StartService starts a service of this test's own, which is killed at its end.
func StartService(t testing.TB, policy, socket string, args ...string) *Service {
	t.Helper()
	s := startService(t, policy, socket, args...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the service said:\n%s", s.stderr.String())
		}
		s.end()
	})
	return s
}

// run starts the service and waits for its end. It does not outlive this process,
// whatever ends that, a panic or a test's time: the kernel kills it with the
// thread that started it, which is kept for that.
func (s *Service) run(started chan<- error) {
	defer close(s.Ended)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s.Cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := s.Cmd.Start()
	started <- err
	if err == nil {
		_ = s.Cmd.Wait()
	}
}

// startService returns when the service answers.
func startService(t testing.TB, policy, socket string, args ...string) *Service {
	t.Helper()
	line := append([]string{"daemon", "--socket", socket}, args...)
	if policy != "" {
		line = append(line, "--policy", policy)
	}
	s := &Service{Socket: socket, Cmd: exec.Command(SSA(t), line...), Ended: make(chan struct{})}
	s.Cmd.Stderr = &s.stderr
	started := make(chan error)
	go s.run(started)
	if err := <-started; err != nil {
		t.Fatalf("start the service: %v", err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return s
		}
		select {
		case <-s.Ended:
			t.Fatalf("the service has ended:\n%s", s.stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the service does not listen at %s: %v", socket, err)
		}
	}
}
