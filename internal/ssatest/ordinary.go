//go:build unix

package ssatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const (
	artifactsEnv = "SSA_TEST_ARTIFACTS"
	ordinaryEnv  = "SSA_TEST_ORDINARY"
	// nobody is the user that the second run of a privileged run is made as.
	nobody = 65534
)

// Ordinary reports whether this is the second run that Main makes, as an
// ordinary user.
func Ordinary() bool { return os.Getenv(ordinaryEnv) == "1" }

// Main is for the TestMain of packages that start programs under `ssa run`: it
// makes the folder for what they build and runs the tests. When that is done
// as root, it runs all of them again as an ordinary user, since that is who
// the gate is for. The result is an exit status.
func Main(m *testing.M) int {
	defer shared.end()
	if Ordinary() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "ssa-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = os.Setenv(artifactsEnv, dir)
	}
	if err != nil {
		fmt.Println("make a folder for test programs:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	code := m.Run()
	if os.Getuid() == 0 && again() {
		if err := runOrdinary(dir); err != nil {
			fmt.Println("FAIL: the same tests as an ordinary user:", err)
			return 1
		}
	}
	return code
}

// again reports whether this test binary runs tests, rather than listing or
// fuzzing them, and whether the user can make a difference to them: not to data
// races; and with the service none that the run without it, where the gate is the
// same, or test/service, where callers are the subject, does not show.
func again() bool {
	if WithService() || slices.Contains(buildFlags(), "-race") {
		return false
	}
	for _, arg := range os.Args[1:] {
		for _, flag := range []string{"-test.list", "-test.fuzz", "-test.bench=", "-update"} {
			if strings.HasPrefix(arg, flag) || strings.HasPrefix(arg, "-"+flag) {
				return false
			}
		}
	}
	return true
}

func runOrdinary(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// The Go command keeps test binaries where other users may not look.
	binary, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	self = filepath.Join(dir, filepath.Base(self))
	if err := os.WriteFile(self, binary, 0o755); err != nil {
		return err
	}
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	if err := os.Chown(home, nobody, nobody); err != nil {
		return err
	}
	fmt.Printf("the same tests as an ordinary user (uid %d)\n", nobody)
	args := ordinaryArgs(os.Args[1:])
	if counters := os.Getenv(coverEnv); counters != "" {
		args = append(args, "-test.gocoverdir="+counters)
	}
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), ordinaryEnv+"=1", "HOME="+home, "USER=nobody", "LOGNAME=nobody")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd.Run()
}

// ordinaryArgs leaves out the flags that name files the second run may not
// write, or must not overwrite.
func ordinaryArgs(args []string) []string {
	var kept []string
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch name {
		case "test.testlogfile", "test.coverprofile", "test.gocoverdir", "test.outputdir",
			"test.cpuprofile", "test.memprofile":
		default:
			kept = append(kept, arg)
		}
	}
	return kept
}
