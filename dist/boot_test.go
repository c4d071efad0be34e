package dist_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// underSystemd boots systemd in a throw-away copy of this system, and installs,
// uses, upgrades, kills and removes the service there.
func underSystemd(t *testing.T, first, second string) {
	needNamespaces(t)
	ssatest.Need(t, "python3", "setpriv", "pivot_root", "/lib/systemd/systemd")
	dir := t.TempDir()
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"www.example"}})
	for name, from := range map[string]string{
		"first.deb": first, "second.deb": second, "ca.pem": authority.File(t),
		"chain.pem": issued.ChainFile(t), "key.pem": issued.KeyFile(t),
	} {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// Other users work there.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "testdata/boot.sh", dir)
	log, err := ssatest.Kill(t, cmd).CombinedOutput()
	said, readErr := os.ReadFile(filepath.Join(dir, "out"))
	out := string(said)
	if readErr != nil || !strings.HasPrefix(out, "booted: systemd\n") {
		ssatest.Missing(t, "systemd does not boot in namespaces here: "+errorText(err)+"\n"+string(log))
	}
	for _, want := range []string{
		"after installing: socket active, service inactive",
		"in use: socket active, service active",
		"first: HELLO",
		`doctor: "state": "works",`,
		"folder: /var/log/ssa drwxr-x--- root:root",
		"open to: srw-rw-rw-",
		"reloaded: socket active, service active",
		"after reload: HELLO",
		"bad reload: fails",
		"bad reload: told",
		"good reload: taken",
		"reloaded again: socket active, service active",
		"after upgrade: HELLO",
		"upgraded: socket active, service active",
		"new one executes: /usr/bin/ssa",
		"old one executes: /usr/bin/ssa (deleted)",
		"held: HELLO LATER ",
		"processes after upgrade: 2",
		"after upgrade and reload: HELLO",
		"killed: socket active, service active",
		"after kill: HELLO",
		"restarted: socket active, service active",
		"wrong: not started",
		"after correction: HELLO",
		"corrected: socket active, service active",
		"seen: HELLO",
		"journal: told by field",
		"journal: told after its restart",
		"audit: -rw------- root",
		"audit: goes on after rotation",
		"metrics: True True",
		"status: told",
		"after purging: socket inactive, service inactive",
	} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
	if n := strings.Count(out, "process: "); n != 2 || strings.Count(out, ", CapEff:0000000000000000 NoNewPrivs:1 \n") != 1 ||
		!strings.Contains(out, "process: ssa, CapEff:0000000000000000 NoNewPrivs:1 \n") || !strings.Contains(out, "process: root, ") {
		t.Errorf("%d processes of the service; want one of root, and one of user ssa without rights", n)
	}
	if strings.Contains(out, "left: ") {
		t.Error("the package leaves something behind")
	}
	if t.Failed() {
		t.Logf("what was done:\n%s", out)
	}
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}
