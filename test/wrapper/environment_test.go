//go:build linux

package wrapper

import (
	"bytes"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/programs"
)

// TestSameEnvironment: what a program finds when it starts is what it would
// find without us.
func TestSameEnvironment(t *testing.T) {
	scripts := map[string]string{
		"limits":      "ulimit -a",
		"hard limits": "ulimit -aH",
		"umask":       "umask",
		"folder":      "pwd",
		"variables":   "env | sort | grep -v '^_='",
		"signals":     "grep -E '^Sig(Blk|Ign|Cgt)|^ShdPnd' /proc/self/status",
		"user":        "grep -E '^(Uid|Gid|Groups|Cap)' /proc/self/status",
		"descriptors": "ls /proc/self/fd | wc -l; ls -l /proc/self/fd | grep -c pipe",
		"priority":    "cut -d' ' -f18,19 /proc/self/stat; cat /proc/self/oom_score_adj",
		"name":        "cat /proc/self/comm; tr '\\0' ' ' </proc/self/cmdline",
		"processors":  "grep Cpus_allowed_list /proc/self/status",
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			native := ssatest.Output(t, exec.Command("/bin/sh", "-c", script))
			if got := ssatest.Output(t, sh(t, script)); got != native {
				t.Errorf("the program finds\n%s\nand without ssa\n%s", got, native)
			}
		})
	}
}

// TestIgnoredSignals: nohup's promise holds through us.
func TestIgnoredSignals(t *testing.T) {
	const script = `trap "" HUP INT; exec "$@" /bin/sh -c 'grep SigIgn /proc/self/status'`
	native := ssatest.Output(t, exec.Command("/bin/sh", "-c", script, "sh"))
	got := ssatest.Output(t, exec.Command("/bin/sh", "-c", script, "sh", ssatest.SSA(t), "run", "--"))
	if got != native {
		t.Errorf("ignored signals: %q, without ssa %q", got, native)
	}
}

// TestPassesThrough: standard input and output are the program's own.
func TestPassesThrough(t *testing.T) {
	data := bytes.Repeat([]byte("some bytes\x00\xff\n"), 100_000)
	cmd := ssatest.Run{}.Command(t, "/bin/cat")
	cmd.Stdin = bytes.NewReader(data)
	if got := ssatest.Output(t, cmd); sha256.Sum256([]byte(got)) != sha256.Sum256(data) {
		t.Errorf("%d bytes came back of %d, or other ones", len(got), len(data))
	}
}

// TestDescriptorsPassThrough: so are descriptors beyond the first three.
func TestDescriptorsPassThrough(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("from descriptor 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := sh(t, "cat <&3")
	cmd.ExtraFiles = []*os.File{file}
	if got := ssatest.Output(t, cmd); got != "from descriptor 3\n" {
		t.Errorf("the program read %q", got)
	}
}

// TestClosedDescriptors: a program may be started with its first descriptors
// closed; the gate must not put its own files there.
func TestClosedDescriptors(t *testing.T) {
	script := `"$@" >/dev/null <&- 2>&-; echo $?`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", ssatest.SSA(t), "run", "--", "/bin/sh", "-c",
		"ls /proc/self/fd >/dev/null; exit 9")
	if got := strings.TrimSpace(ssatest.Output(t, cmd)); got != "9" {
		t.Errorf("status %s, wanted 9", got)
	}
}

// TestFilterIsOn guards the tests of this package against a wrapper that wraps
// nothing.
func TestFilterIsOn(t *testing.T) {
	if got := ssatest.Output(t,
		sh(t, "grep ^Seccomp: /proc/self/status")); strings.Fields(got)[1] != "2" {
		t.Errorf("the program has no filter: %s", got)
	}
}

// TestQuiet: without -v, and when nothing is wrong, ssa says nothing.
func TestQuiet(t *testing.T) {
	code, stderr := status(t, ssatest.Run{}.Command(t, programs.C(t), "udp"))
	if code != 0 || stderr != "" {
		t.Errorf("status %d, standard error %q", code, stderr)
	}
}

// TestTemporaryFilesAreRemoved: nothing is left behind.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	cmd := ssatest.Run{}.Command(t, programs.C(t), "churn-unused", "proto=205", "bytes=0", "other=1")
	cmd.Stdin = strings.NewReader("\n\n")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "XDG_RUNTIME_DIR="+dir)
	ssatest.Output(t, cmd)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
