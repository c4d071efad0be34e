package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

const (
	subjectEnv  = "SSA_DOCTOR_SUBJECT"
	hardenedEnv = "SSA_DOCTOR_HARDENED"
)

// A thread is given away to a filter, and must not be the main thread, which
// cannot end: see notify.Start.
func init() { runtime.LockOSThread() }

// TestMain is what the doctor starts, too: processes that end.
func TestMain(m *testing.M) {
	if os.Getenv(hardenedEnv) == "1" {
		_ = Hardened(os.Stdout)
		os.Exit(0)
	}
	if world := os.Getenv(lesserEnv); world != "" {
		if err := lesser(os.Stdout, world); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(subjectEnv) == "1" {
		if err := Subject(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestTrialOnThisKernel(t *testing.T) {
	t.Setenv(subjectEnv, "1")
	got := try(t.Context(), []string{"/proc/self/exe"})
	if got.start != nil || got.subject != nil {
		t.Fatalf("starting: %v, the subject: %v", got.start, got.subject)
	}
	for what, err := range map[string]error{"pidfd_getfd": got.getfd, "ADDFD_FLAG_SEND": got.addfd,
		"process_vm_readv": got.direct, "mem": got.mem} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestTrialTellsFailures: a trial whose subject does nothing knows nothing, and
// one that could not start says why.
func TestTrialTellsFailures(t *testing.T) {
	ssatest.Need(t, "/bin/false")
	g := &gateProbes{cfg: Config{Subject: []string{"/bin/false"}}}
	if o := g.notification(t.Context()); o.state != Fails || !strings.Contains(o.why, "status 1") {
		t.Errorf("a subject that fails: %+v", o)
	}
	for what, probe := range map[string]func(context.Context) outcome{"addfd": g.addfd,
		"getfd": g.getfd, "memory": g.memory} {
		if o := probe(t.Context()); o.state != Unknown {
			t.Errorf("%s of a subject that made no call: %+v, want unknown", what, o)
		}
	}
	g = &gateProbes{cfg: Config{Subject: []string{"/does/not/exist"}}}
	if o := g.notification(t.Context()); o.state != Fails || !strings.Contains(o.why, "no such file") {
		t.Errorf("a subject that is not there: %+v", o)
	}
	if o := g.killable(t.Context()); o.state != Unknown {
		t.Errorf("WAIT_KILLABLE_RECV without a subject: %+v, want unknown", o)
	}
}

// TestUnder passes the sentences of `ssa run` on.
func TestUnder(t *testing.T) {
	ssatest.Need(t, "/bin/sh")
	for _, test := range []struct {
		script string
		want   outcome
	}{
		{"exit 0", works("")},
		{"exit 3", fails("exit status 3", "")},
		{"echo 'ssa: error: it broke\nssa: hint: mend it' >&2; exit 125", fails("it broke", "mend it")},
	} {
		g := &gateProbes{cfg: Config{Run: []string{"/bin/sh", "-c", test.script},
			Subject: []string{"subject"}}}
		if got := g.program(t.Context()); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.script, got, test.want)
		}
	}
}

// TestRunWorks: only what is needed decides.
func TestRunWorks(t *testing.T) {
	ssatest.Need(t, "/usr/bin/env", "/bin/true")
	t.Setenv(subjectEnv, "1")
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Subject: []string{own}, Run: []string{"/usr/bin/env"},
		Hardened:    []string{"/usr/bin/env", hardenedEnv + "=1", own},
		Policy:      func() (*policy.Policy, error) { return policy.Builtin(), nil },
		Service:     func(context.Context, string) (string, error) { return "", errors.New("nobody") },
		ServicePath: filepath.Join(t.TempDir(), "none"), Getenv: os.Getenv, Now: time.Now,
	}
	// Without a gate the subject gets no TLS socket.
	r := Run(t.Context(), cfg)
	if r.RunWorks {
		t.Error("it works without a gate")
	}
	first := r.Findings[0]
	if first.State != Fails || !strings.Contains(first.Why, "TLS socket") {
		t.Errorf("a program without a gate: %+v", first)
	}
	for _, f := range r.Findings {
		if f.State == Fails && f.Why == "" {
			t.Errorf("%s does not work, and nobody knows why", f.Feature)
		}
	}
	cfg.Run = []string{"/bin/true"}
	if r := Run(t.Context(), cfg); !r.RunWorks {
		t.Errorf("it should work: %+v", r.Findings)
	}
	cfg.Policy = func() (*policy.Policy, error) { return nil, errors.New("line 3 is wrong") }
	if Run(t.Context(), cfg).RunWorks {
		t.Error("it works with a policy that does not load")
	}
}

// TestWalls: what cannot be undone is done to a child alone.
func TestWalls(t *testing.T) {
	ssatest.Need(t, "/usr/bin/env")
	own, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	// The go command keeps test binaries where other users may not look.
	dir, err := os.MkdirTemp("", "ssa-doctor-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	child := filepath.Join(dir, "child")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(child, own, 0o755)); err != nil {
		t.Fatal(err)
	}
	s := &serviceProbes{cfg: Config{Hardened: []string{"/usr/bin/env", hardenedEnv + "=1", child}}}
	probes := s.walls(t.Context())
	if len(probes) < 4 {
		t.Fatalf("%d measures: %+v", len(probes), probes[0].try(t.Context()))
	}
	for _, p := range probes {
		o := p.try(t.Context())
		if o.state == Works || o.state == Fails && strings.Contains(o.do, "ulimit -l") {
			continue // the limit is the machine's
		}
		t.Errorf("%s: %+v", p.feature, o)
	}
	s = &serviceProbes{cfg: Config{Hardened: []string{"/bin/false"}}}
	if probes := s.walls(t.Context()); len(probes) != 1 ||
		probes[0].try(t.Context()).state != Unknown {
		t.Errorf("a child that fails tells of %d measures", len(probes))
	}
}

func TestSocketOfTheService(t *testing.T) {
	dir := t.TempDir() // below a sticky folder
	path := filepath.Join(dir, "s")
	s := &serviceProbes{cfg: Config{ServicePath: path}}
	if o := s.socket(t.Context()); o.state != Note {
		t.Errorf("no socket: %+v, want a note", o)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		change string
		do     func() error
		state  State
		why    string
	}{
		{"a socket for one user", func() error { return os.Chmod(path, 0o600) }, Fails, "mode 0600"},
		{"a socket for all", func() error { return os.Chmod(path, 0o666) }, Works, ""},
		{"a folder for all", func() error { return os.Chmod(dir, 0o777) }, Fails, "mode 0777"},
		{"a folder for one", func() error { return os.Chmod(dir, 0o755) }, Works, ""},
		{"a file", func() error { os.Remove(path); return os.WriteFile(path, nil, 0o666) }, Fails, "not a socket"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if o := s.socket(t.Context()); o.state != step.state || !strings.Contains(o.why, step.why) {
			t.Errorf("%s: %+v, want %s: %s", step.change, o, step.state, step.why)
		}
	}
}
