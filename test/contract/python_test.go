//go:build linux

package contract

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/programs"
)

// python runs a program in Python under `ssa run`, after what contract.py has.
func python(t *testing.T, policy, code string, args ...any) *programs.Process {
	t.Helper()
	return programs.Start(t, pythonCommand(t, policy, code, args...))
}

func pythonCommand(t *testing.T, policy, code string, args ...any) *exec.Cmd {
	t.Helper()
	ssatest.Need(t, "python3")
	common := programs.Script(t, "contract.py")
	line := []string{"-c", fmt.Sprintf("import sys\nsys.path.insert(0, %q)\nfrom contract import *\n%s", filepath.Dir(common), code)}
	for _, a := range args {
		line = append(line, fmt.Sprint(a))
	}
	return ssatest.Run{Policy: policy, Verbose: true}.Command(t, "python3", line...)
}

// wantTranscript fails the test unless a program printed just this, and ended
// well.
func wantTranscript(t *testing.T, p *programs.Process, want ...string) {
	t.Helper()
	want = append(want, "exit status 0")
	if got := p.Finish(); !slices.Equal(got, want) {
		t.Errorf("the program printed\n  %s\nwanted\n  %s\nstandard error:\n%s",
			strings.Join(got, "\n  "), strings.Join(want, "\n  "), p.Stderr())
	}
}
