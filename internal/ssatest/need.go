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
// It is the only way a test of this project skips, so that Strict can turn
// every one of them into a failure.
func Missing(t testing.TB, what string) {
	t.Helper()
	if Strict() {
		t.Fatalf("SSA_TEST_STRICT=1 and this test cannot run: %s", what)
	}
	t.Skipf("this test cannot run here: %s", what)
}
