package dist_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// debPackage builds the package of one version.
func debPackage(t *testing.T, version string) string {
	t.Helper()
	ssatest.Need(t, "dpkg-deb", "git")
	dir := made(t, "deb", "VERSION="+version, "DEBFULLNAME=A. Packager",
		"DEBEMAIL=packager@example.com")
	found, err := filepath.Glob(filepath.Join(dir, "ssa_"+version+"_*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("make deb made %v, %v; want one package", found, err)
	}
	return found[0]
}

// TestDeb builds two versions of the package, and one of them again.
func TestDeb(t *testing.T) {
	// What is compressed well takes most of the time.
	t.Setenv("DPKG_DEB_COMPRESSOR_TYPE", "gzip")
	first, second := debPackage(t, "1.2.3"), debPackage(t, "1.2.4")
	t.Run("clean", func(t *testing.T) { clean(t, first) })
	t.Run("reproducible", func(t *testing.T) { same(t, first, debPackage(t, "1.2.3")) })
	t.Run("comes and goes", func(t *testing.T) { comesAndGoes(t, first, second) })
	t.Run("under systemd", func(t *testing.T) { underSystemd(t, first, second) })
}

func clean(t *testing.T, deb string) {
	ssatest.Need(t, "lintian")
	out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", "--info",
		deb).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// same compares two builds: whoever doubts a package can build it.
func same(t *testing.T, one, other string) {
	first, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two builds of the same source are not the same package")
	}
}

// comesAndGoes installs the package, upgrades, removes and purges it in a copy
// of this system that is thrown away.
func comesAndGoes(t *testing.T, first, second string) {
	needNamespaces(t)
	out := ssatest.Output(t, ssatest.Kill(t, exec.Command("unshare", "--mount", "--fork", "sh",
		"testdata/cycle.sh", first, second)))
	for _, want := range []string{
		"user: ssa:Secure Socket API:/:/usr/sbin/nologin",
		"socket: enabled",
		"version: ssa version 1.2.3",
		"folder: run/ssa drwxr-xr-x root:root",
		"folder: etc/ssa drwxr-xr-x root:root",
		"folder: etc/ssa/policy.d drwxr-xr-x root:root",
		"folder: etc/ssa/keys drwxr-x--- root:root",
		"after upgrade: ssa version 1.2.4",
		"after upgrade: # mine",
		"after upgrade: socket disabled",
		"after removal: etc/ssa/policy.yaml",
	} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(out, "left or lost: ") {
		t.Error("the package leaves something behind")
	}
	if t.Failed() {
		t.Logf("what was done:\n%s", out)
	}
}

// needNamespaces skips where a copy of the system cannot be mounted.
func needNamespaces(t *testing.T) {
	t.Helper()
	ssatest.Need(t, "unshare", "dpkg", "systemctl", "systemd-sysusers", "systemd-tmpfiles")
	if os.Getuid() != 0 {
		ssatest.Missing(t, "root, to mount a copy of the system")
	}
	script := `. testdata/root.sh && test -x "$root/bin/sh"`
	if out, err := exec.Command("unshare", "--mount", "--fork", "sh", "-c",
		script).CombinedOutput(); err != nil {
		ssatest.Missing(t, "overlay mounts: "+err.Error()+"\n"+string(out))
	}
}
