package ssatest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Strict reports whether a missing tool is a failure rather than a reason to
// skip: SSA_TEST_STRICT=1, as continuous integration sets it.
func Strict() bool { return os.Getenv("SSA_TEST_STRICT") == "1" }

// Need skips the test, naming what is missing, unless every tool can be found
// in PATH (or is an absolute path that can be executed).
func Need(t testing.TB, tools ...string) {
	t.Helper()
	var missing []string
	for _, tool := range tools {
		if !Has(tool) {
			missing = append(missing, tool)
		}
	}
	if len(missing) > 0 {
		Missing(t, strings.Join(missing, ", ")+" not found in PATH")
	}
}

// Has reports whether a tool can be found in PATH.
func Has(tool string) bool {
	_, err := exec.LookPath(tool)
	return err == nil
}

// Missing skips the test because the machine lacks something, and says what.
// Tests of this project skip by this and the functions below alone, so that
// Strict can turn what nothing makes up for into a failure.
func Missing(t testing.TB, what string) {
	t.Helper()
	if Strict() {
		t.Fatalf("SSA_TEST_STRICT=1 and this test cannot run: %s", what)
	}
	t.Skipf("this test cannot run here: %s", what)
}

// NeedRoot skips a test that only root can run. The run as an ordinary user
// that Main makes comes after that of root, which had it.
func NeedRoot(t testing.TB, why string) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case Ordinary():
		t.Skipf("root's run had this test: %s", why)
	default:
		Missing(t, "root: "+why)
	}
}

// NeedUser skips a test that root cannot run, where Main makes a run as an
// ordinary user, which has it.
func NeedUser(t testing.TB, why string) {
	t.Helper()
	switch {
	case os.Getuid() != 0:
	case os.Getenv(artifactsEnv) != "":
		t.Skipf("the run as an ordinary user has this test: %s", why)
	default:
		Missing(t, "an ordinary user: "+why)
	}
}

// NeedEmbedded skips a test that is about `ssa run` doing TLS itself, which is
// another run of the same tests.
func NeedEmbedded(t testing.TB, why string) {
	t.Helper()
	if WithService() {
		t.Skipf("the run without the service has this test: %s", why)
	}
}
