//go:build linux

package wrapper

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestExitStatus(t *testing.T) {
	tests := []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 1", 1},
		{"exit 7", 7},
		{"exit 255", 255},
		{"kill -TERM $$", 128 + 15},
		{"kill -KILL $$", 128 + 9},
		{"kill -PIPE $$", 128 + 13},
		{"kill -INT $$", 128 + 2},
		{"kill -SEGV $$", 128 + 11},
	}
	for _, test := range tests {
		t.Run(test.script, func(t *testing.T) {
			t.Parallel()
			if got, stderr := status(t, sh(t, test.script)); got != test.want || stderr != "" {
				t.Errorf("status %d, wanted %d; standard error: %q", got, test.want, stderr)
			}
		})
	}
}

// TestCannotStart: each reason has its status, as in env(1), and its sentence.
func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad := write("policy.yaml", "default:\n  versoins: {min: \"1.3\"}\n", 0o644)
	tests := []struct {
		name string
		args []string
		want int
		says string
	}{
		{"not found in PATH", []string{"run", "--", "no-such-program-here"}, 127, "no-such-program-here"},
		{"no such file", []string{"run", "--", "/no/such/program"}, 127, "/no/such/program"},
		{"not executable", []string{"run", "--", write("data", "text", 0o644)}, 126, "data"},
		{"not a program", []string{"run", "--", write("junk", "\x01\x02\x03\x04", 0o755)}, 126, "junk"},
		{"no interpreter", []string{"run", "--", write("script", "#!/no/such/interpreter\n", 0o755)}, 126, "script"},
		{"a folder", []string{"run", "--", dir}, 126, dir},
		{"nothing to run", []string{"run"}, 125, ""},
		{"a flag unknown", []string{"run", "--no-such-flag", "--", "/bin/true"}, 125, "no-such-flag"},
		{"a policy with a mistake", []string{"run", "--policy", bad, "--", "/bin/true"}, 125, "versoins"},
		{"a policy that is not there", []string{"run", "--policy", "/no/such/policy.yaml", "--", "/bin/true"}, 125, "/no/such/policy.yaml"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, stderr := status(t, ssatest.Kill(t, exec.Command(ssatest.SSA(t), test.args...)))
			if got != test.want || !strings.Contains(stderr, test.says) ||
				!strings.HasPrefix(stderr, "ssa: ") {
				t.Errorf("status %d, wanted %d; standard error should begin with \"ssa: \" and say %q:\n%s", got, test.want, test.says, stderr)
			}
			if strings.Contains(stderr, "goroutine") {
				t.Errorf("a panic:\n%s", stderr)
			}
		})
	}
}

// TestArguments: the program's own arguments are never taken for ssa's, with or
// without the dashes.
func TestArguments(t *testing.T) {
	const script = `for a; do echo "<$a>"; done`
	for _, dashes := range [][]string{{"run", "--"}, {"run"}, {"run", "-v", "--"}} {
		args := append(dashes, "/bin/sh", "-c", script, "sh", "-v", "--policy", "", "a b", "--", "-c")
		got := ssatest.Output(t, exec.Command(ssatest.SSA(t), args...))
		if want := "<-v>\n<--policy>\n<>\n<a b>\n<-->\n<-c>\n"; got != want {
			t.Errorf("%v: the program got %q, wanted %q", dashes, got, want)
		}
	}
}

// TestSetUserID: a program that could not change its user is not started.
func TestSetUserID(t *testing.T) {
	if os.Getuid() == 0 {
		// Root keeps its rights under a filter. The second run tests this.
		return
	}
	const su = "/usr/bin/su"
	if info, err := os.Stat(su); err != nil || info.Mode()&os.ModeSetuid == 0 {
		ssatest.Missing(t, su+" as a set-user-ID program")
	}
	got, stderr := status(t, ssatest.Run{}.Command(t, su, "--version"))
	if got != 126 || !strings.Contains(stderr, "set-user-ID") {
		t.Errorf("status %d, wanted 126 and a word about set-user-ID:\n%s", got, stderr)
	}
}

// TestNested: a gate within a gate is refused by the kernel, and said clearly.
func TestNested(t *testing.T) {
	ssa := ssatest.SSA(t)
	got, stderr := status(t, ssatest.Run{}.Command(t, ssa, "run", "--", "/bin/true"))
	if got != 125 || !strings.Contains(stderr, "ssa run") || strings.Contains(stderr, "goroutine") {
		t.Errorf("status %d, wanted 125 and a sentence:\n%s", got, stderr)
	}
}
