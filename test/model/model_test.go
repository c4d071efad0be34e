// Package model_test verifies a formal model of a TLS socket with spin, and
// compares it with the code. It starts no program under the gate.
package model_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// transition is an operation in a state, and what it did.
type transition struct{ state, operation, result, next string }

func (t transition) String() string {
	return fmt.Sprintf("in %q, %s: %q, then %q", t.state, t.operation, t.result, t.next)
}

// verify runs the verifier exhaustively on the model with some definitions. It
// returns what it says, and the transitions that it has been through.
func verify(t *testing.T, definitions ...string) (report string, seen map[transition]bool) {
	t.Helper()
	ssatest.Need(t, "spin", "cc", "gcc") // spin has gcc read #include
	dir := t.TempDir()
	model, err := filepath.Abs("socket.pml")
	if err != nil {
		t.Fatal(err)
	}
	run(t, dir, "spin", append(definitions, "-a", model)...)
	run(t, dir, "cc", "-O1", "-DSAFETY", "-DNOREDUCE", "-I", filepath.Dir(model), "-o", "pan", "pan.c")
	report = run(t, dir, "./pan", "-m1000000")
	return report, transitions(t, report)
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// transitions are those of a report, each on a line with bars.
func transitions(t *testing.T, report string) map[transition]bool {
	t.Helper()
	seen := map[transition]bool{}
	for line := range strings.Lines(report) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), " | ")
		if len(fields) != 4 {
			continue
		}
		seen[transition{fields[0], fields[1], fields[2], fields[3]}] = true
	}
	return seen
}

// sound reports whether the verifier has seen every state, and no fault.
func sound(report string) bool {
	return strings.Contains(report, "errors: 0") &&
		!strings.Contains(report, "search not completed") &&
		!strings.Contains(report, "max search depth too small")
}

// Every state of the model keeps what is promised, and none of its rules is idle.
func TestModel(t *testing.T) {
	report, seen := verify(t)
	if !sound(report) {
		t.Error(withoutTransitions(report))
	}
	if !strings.Contains(report, "(0 of ") {
		t.Errorf("the model has rules that are never used:\n%s", withoutTransitions(report))
	}
	if len(seen) == 0 {
		t.Error("the verifier has been through no transition")
	}
}

func withoutTransitions(report string) string {
	lines := slices.DeleteFunc(strings.SplitAfter(report, "\n"),
		func(l string) bool { return strings.Contains(l, " | ") })
	return strings.Join(lines, "")
}

// The code does what the model does, and the reverse.
func TestCodeAgrees(t *testing.T) {
	_, model := verify(t)
	binary := filepath.Join(t.TempDir(), "socket.test")
	run(t, "../../internal/socket", "go", "test", "-c", "-o", binary, ".")
	code, err := walk(t, binary, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(model, code) {
		t.Error(d)
	}
	t.Logf("%d transitions", len(model))
}

// walk returns what TestWalk of internal/socket has been through. In code with a
// fault it does not wait long for what may never come.
func walk(t *testing.T, binary string, faulty bool) (map[transition]bool, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "transitions")
	cmd := exec.Command(binary, "-test.run", "^TestWalk$")
	cmd.Dir = "../../internal/socket"
	cmd.Env = append(os.Environ(), "SSA_TEST_WALK="+file)
	if faulty {
		cmd.Env = append(cmd.Env, "SSA_TEST_WALK_FAULT=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the walk failed: %w\n%s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return transitions(t, string(text)), nil
}

// differences lists what one has been through and the other not.
func differences(model, code map[transition]bool) (all []string) {
	for m := range model {
		if !code[m] {
			all = append(all, "the model alone has: "+m.String())
		}
	}
	for c := range code {
		if !model[c] {
			all = append(all, "the code alone has: "+c.String())
		}
	}
	slices.Sort(all)
	return all
}
