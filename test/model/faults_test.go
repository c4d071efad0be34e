package model_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fault is a rule made wrong: in the model by its number, in a copy of the code
// by replacing lines of internal/socket, or of the ends that the gate brings along.
type fault struct {
	number int // FAULT in socket.pml
	name   string
	lines  []line // none where only the model has things happen at the same moment
}

// line is one that is in these packages once, and what takes its place.
type line struct{ was, is string }

var faults = []fault{
	{1, "a cut stream is shown as a clean end", []line{
		{"if err := sendByte(end.Int()); err", "if err := error(nil); err"},
	}},
	{2, "an interrupted connect is told, and so is the next", []line{
		{"if w.answer(outcome) {", "if w.answer(outcome); false {"},
	}},
	{3, "a closed listener goes on accepting", []line{
		{"bound, err := l.queue.Open()", "bound, err := l.queue.Open(); bound = true"},
	}},
	{4, "an upgrade leaves a child its copy of the TCP socket", []line{
		{`if err == nil && holder != "" {`, `if false && holder != "" {`},
	}},
	{5, "the service dies, and who waits in connect goes on waiting", []line{
		{"s.tellWaitersLocked(waiters, err)", "if errno != abi.ENETDOWN { s.tellWaitersLocked(waiters, err) }"},
	}},
	{6, "closing while connecting leaves the attempt", []line{
		{"over = sys.HungUp(int(fd))", "over = false"},
	}},
	{7, "a second attempt that fails gives the error of the first", []line{
		{"o.cause, o.last, o.asked = nil, nil, false", "o.last, o.asked = nil, false"},
		{"o.cause, o.last, o.asked = cause, nil, false", "if o.last, o.asked = nil, false; o.cause == nil { o.cause = cause }"},
	}},
	{8, "others may call between an outcome and its telling", nil},
}

// The model's promises are broken by each of the faults.
func TestModelFindsFaults(t *testing.T) {
	for _, f := range faults {
		if report, _ := verify(t, fmt.Sprintf("-DFAULT=%d", f.number)); sound(report) {
			t.Errorf("the verifier has not found fault %d: %s", f.number, f.name)
		}
	}
}

// A copy of the code with one of the faults fails the walk, or differs from the
// model.
func TestComparisonFindsFaults(t *testing.T) {
	_, model := verify(t)
	for _, f := range faults {
		if f.lines == nil {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel() // some of them show by what does not happen
			binary := filepath.Join(t.TempDir(), "socket.test")
			run(t, "../../internal/socket", "go", "test", "-c", "-o", binary,
				"-overlay", overlay(t, f.lines), ".")
			code, err := walk(t, binary, true)
			if err != nil {
				t.Logf("found: %v", err)
				return
			}
			found := differences(model, code)
			if len(found) == 0 {
				t.Fatal("nobody has found the fault")
			}
			t.Logf("found: %s, and %d more", found[0], len(found)-1)
		})
	}
}

// overlay writes a file for `go build -overlay`, which has lines of the package
// replaced.
func overlay(t *testing.T, lines []line) string {
	t.Helper()
	names, err := filepath.Glob("../../internal/socket/*.go")
	if err != nil {
		t.Fatal(err)
	}
	ends, err := filepath.Glob("../../internal/gate/seccomp/unixend/*.go")
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, ends...)
	files := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			files[name] = string(text)
		}
	}
	replace := map[string]string{}
	dir := t.TempDir()
	for _, l := range lines {
		var at []string
		for name, text := range files {
			for range strings.Count(text, l.was) {
				at = append(at, name)
			}
		}
		if len(at) != 1 {
			t.Fatalf("%q is %d times in internal/socket and its ends, not once: seed the fault where its rule is now", l.was, len(at))
		}
		files[at[0]] = strings.Replace(files[at[0]], l.was, l.is, 1)
		copied := filepath.Join(dir, filepath.Base(at[0]))
		if err := os.WriteFile(copied, []byte(files[at[0]]), 0o644); err != nil {
			t.Fatal(err)
		}
		original, err := filepath.Abs(at[0])
		if err != nil {
			t.Fatal(err)
		}
		replace[original] = copied
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
