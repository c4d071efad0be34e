package dist_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// mostExposure is what `systemd-analyze security` may find of the service, from
// 0 to 10. docs/install.md explains what remains.
const mostExposure = 3.0

var overall = regexp.MustCompile(`Overall exposure level for ssa\.service: ([0-9.]+)`)

func TestExposure(t *testing.T) {
	ssatest.Need(t, "systemd-analyze")
	out := ssatest.Output(t, exec.Command("systemd-analyze", "security", "--no-pager",
		"--offline=yes", "systemd/ssa.service"))
	m := overall.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("systemd-analyze tells no exposure:\n%s", out)
	}
	if level, err := strconv.ParseFloat(m[1], 64); err != nil || level > mostExposure {
		t.Errorf("the exposure is %s, more than %.1f:\n%s", m[1], mostExposure, out)
	}
	page, err := os.ReadFile("../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "says " + m[1] + " of 10"; !strings.Contains(string(page), want) {
		t.Errorf("docs/install.md does not say %q", want)
	}
}

// TestUnitsVerify lets systemd read the units, as they are installed.
func TestUnitsVerify(t *testing.T) {
	ssatest.Need(t, "systemd-analyze")
	prefix := filepath.Join(t.TempDir(), "usr")
	made(t, "install", "PREFIX="+prefix, "SYSCONFDIR="+t.TempDir())
	for _, unit := range []string{"ssa.socket", "ssa.service"} {
		// The manual pages are not where man(1) looks for them.
		cmd := exec.Command("systemd-analyze", "verify", "--man=no",
			filepath.Join(prefix, "lib/systemd/system", unit))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}
