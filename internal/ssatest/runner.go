//go:build unix

package ssatest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const modulePath = "github.com/secure-socket-api/ssa"

// buildFlags are flags for building the ssa command, such as -race.
func buildFlags() []string { return strings.Fields(os.Getenv("SSA_TEST_BUILDFLAGS")) }

// SSA returns the path of the ssa command, built once per test binary with the
// flags that SSA_TEST_BUILDFLAGS holds.
func SSA(t testing.TB) string {
	t.Helper()
	return Artifact(t, "ssa", func(out string) error {
		return goBuild(out, modulePath+"/cmd/ssa", buildFlags()...)
	})
}

// GoProgram builds a main package of this module, without cgo, and returns the
// path of the program.
func GoProgram(t testing.TB, pkg string) string {
	t.Helper()
	return Artifact(t, filepath.Base(pkg), func(out string) error {
		return goBuild(out, modulePath+"/"+pkg)
	})
}

func goBuild(out, pkg string, flags ...string) error {
	args := append([]string{"build", "-buildvcs=false", "-o", out}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	if !slices.Contains(flags, "-race") { // which needs cgo
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// Run says how a program is started under `ssa run`.
type Run struct {
	// Policy is the path of a policy file; empty is the built-in default.
	Policy string
	// Verbose adds -v: every failure is told on standard error.
	Verbose bool
	// Service is the socket of a service to use, whatever the tests run with.
	Service string
	// Flags are more flags of `ssa run`.
	Flags []string
}

// Command returns the command `ssa run [...] -- program args`. It is killed
// when the test ends, if it has not ended before.
func (r Run) Command(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	line := []string{"run"}
	switch {
	case r.Service != "":
		line = append(line, "--engine", "service", "--socket", r.Service)
	case WithService():
		line = append(line, "--engine", "service", "--socket", shared.forPolicy(t, r.Policy))
	case r.Policy != "":
		line = append(line, "--policy", r.Policy)
	default:
		line = append(line, "--engine", "embedded")
	}
	if r.Verbose {
		line = append(line, "-v")
	}
	line = append(append(append(line, r.Flags...), "--", program), args...)
	return Kill(t, exec.Command(SSA(t), line...))
}

// Kill arranges for a command and its children to be killed when the test ends,
// should it still run then, so that a failing test leaves no process behind.
// The command gets its own process group for that, unless the test has its own
// wishes (SysProcAttr).
func Kill(t testing.TB, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	cmd.WaitDelay = 5 * time.Second
	group := cmd.SysProcAttr == nil || cmd.SysProcAttr.Setpgid
	if group {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	t.Cleanup(func() {
		if cmd.Process == nil || cmd.ProcessState != nil {
			return
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = cmd.Wait()
		}()
		whole := cmd.Process.Pid
		if group {
			whole = -whole
		}
		saveCoverage(whole, ended)
		_ = syscall.Kill(whole, syscall.SIGKILL)
		<-ended
	})
	return cmd
}

// PolicyWithRoots writes a policy file that trusts these files alone, followed
// by more lines of its default profile (already indented by two spaces).
func PolicyWithRoots(t testing.TB, more string, roots ...string) string {
	t.Helper()
	text := "default:\n  trust:\n    roots: [\"" + strings.Join(roots, `", "`) + "\"]\n" + more
	return writeFile(t, "policy.yaml", []byte(text), 0o644)
}

// artifacts remembers what this test binary has built.
type artifacts struct {
	mu    sync.Mutex
	built map[string]error
}

var artifact = artifacts{built: map[string]error{}}

// Artifact builds something once per test binary: the first call for a name
// runs build, which must write the file it is given. The file may be read and
// executed by every user.
func Artifact(t testing.TB, name string, build func(out string) error) string {
	t.Helper()
	dir := os.Getenv(artifactsEnv)
	if dir == "" {
		t.Fatal("this package's TestMain does not call ssatest.Main")
	}
	out := filepath.Join(dir, name)
	artifact.mu.Lock()
	defer artifact.mu.Unlock()
	err, done := artifact.built[name]
	if !done {
		err = makeArtifact(out, build)
		artifact.built[name] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func makeArtifact(out string, build func(string) error) error {
	if _, err := os.Stat(out); err == nil {
		return nil
	}
	if Ordinary() {
		return fmt.Errorf("%s was not built by the run before this one, see there", out)
	}
	if err := build(out); err != nil {
		return err
	}
	return os.Chmod(out, 0o755)
}

// Output runs a command to its end and returns its standard output; it fails
// the test, showing both outputs, when the command fails.
func Output(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\nstandard output:\n%s\nstandard error:\n%s", strings.Join(cmd.Args, " "), err, out.String(), errs.String())
	}
	return out.String()
}
