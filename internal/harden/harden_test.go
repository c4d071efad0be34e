package harden

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// victimEnv names what a child of the test is to do: measures cannot be undone,
// so each is tried in a process of its own.
const victimEnv = "SSA_HARDEN_VICTIM"

func TestMain(m *testing.M) {
	name := os.Getenv(victimEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	what, argument, _ := strings.Cut(name, " ")
	if err := victims[what](argument); err != nil {
		fmt.Println(what+":", err)
		os.Exit(1)
	}
	fmt.Println("held")
	os.Exit(0)
}

// nobody is the user that children are when the test is run by root.
const nobody = 65534

func victim(t *testing.T, what string, asNobody bool) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), victimEnv+"="+what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if asNobody && os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

// holds runs a victim, which must find that its measure holds.
func holds(t *testing.T, what string, asNobody bool) {
	t.Helper()
	cmd := victim(t, what, asNobody)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || !strings.HasSuffix(string(out), "held\n") {
		t.Errorf("%s: %v, it said:\n%s%s", what, err, out, errs.String())
	}
}

// onThread runs f on a thread that ends with it, as Confine wants it.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// mustFail returns an error when one does not have the wanted errno.
func mustFail(what string, err error, want ...error) error {
	for _, w := range want {
		if errors.Is(err, w) {
			return nil
		}
	}
	return fmt.Errorf("%s: %v, want one of %v", what, err, want)
}

func TestMeasuresHold(t *testing.T) {
	for _, what := range []string{"cores", "filter", "memory-limited"} {
		holds(t, what, true)
	}
}

func TestForbiddenCallEndsTheProcess(t *testing.T) {
	err := victim(t, "exec", true).Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGSYS {
		t.Errorf("execve under the filter: %v, want the end by SIGSYS", err)
	}
}

// TestNotDumpable lets another process of the same user try to read the
// victim's memory, before and after.
func TestNotDumpable(t *testing.T) {
	cmd := victim(t, "undumpable", true)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	line := make([]byte, 6)
	for _, want := range []string{"before", "after!"} {
		if n, err := out.Read(line); err != nil || string(line[:n]) != want {
			t.Fatalf("the victim said %q, %v, want %s", line[:n], err, want)
		}
		reader := victim(t, fmt.Sprintf("read-memory %d", cmd.Process.Pid), true)
		text, err := reader.CombinedOutput()
		if could := err == nil; could != (want == "before") {
			t.Errorf("%s: reading the victim's memory: %s", want, text)
		}
		if _, err := in.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLockMemory(t *testing.T) {
	ssatest.NeedRoot(t, "locking more memory than the limit needs root (CAP_IPC_LOCK)")
	holds(t, "memory", false)
}

// TestNoInheritance hands a capability on to a process of another user, but
// for the measure.
func TestNoInheritance(t *testing.T) {
	ssatest.NeedRoot(t, "having a capability to hand on needs root")
	holds(t, "heir", false)
}
