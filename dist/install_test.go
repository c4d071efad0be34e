package dist_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// installed is what `make install` installs with PREFIX=/opt/ssa.
var installed = []string{
	"/etc/ssa/policy.yaml",
	"/opt/ssa/bin/ssa -rwxr-xr-x",
	"/opt/ssa/include/netinet/tls.h",
	"/opt/ssa/lib/systemd/system/ssa.service",
	"/opt/ssa/lib/systemd/system/ssa.socket",
	"/opt/ssa/lib/sysusers.d/ssa.conf",
	"/opt/ssa/lib/tmpfiles.d/ssa.conf",
	"/opt/ssa/libexec/ssa/ssa-pkcs11 -rwxr-xr-x",
	"/opt/ssa/share/bash-completion/completions/ssa",
	"/opt/ssa/share/doc/ssa/policy.yaml",
	"/opt/ssa/share/fish/vendor_completions.d/ssa.fish",
	"/opt/ssa/share/man/man1/ssa.1",
	"/opt/ssa/share/man/man5/ssa-policy.5",
	"/opt/ssa/share/man/man7/tls.7",
	"/opt/ssa/share/zsh/site-functions/_ssa",
}

func TestInstallAndUninstall(t *testing.T) {
	root := t.TempDir()
	settings := []string{"DESTDIR=" + root, "PREFIX=/opt/ssa"}
	made(t, "install", settings...)
	if got := filesBelow(t, root); !slices.Equal(got, installed) {
		t.Errorf("make install installed\n\t%s\nand should\n\t%s", strings.Join(got, "\n\t"), strings.Join(installed, "\n\t"))
	}
	for dir, want := range map[string]os.FileMode{"etc/ssa/keys": 0o750, "etc/ssa/policy.d": 0o755} {
		if st, err := os.Stat(filepath.Join(root, dir)); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want a folder of mode %o", dir, st, err, want)
		}
	}
	unit, err := os.ReadFile(filepath.Join(root, "opt/ssa/lib/systemd/system/ssa.service"))
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/opt/ssa/bin/ssa daemon\n") {
		t.Errorf("the unit does not start the program where it was installed: %v\n%s", err, unit)
	}
	if !strings.Contains(string(unit), "\nExecReload=/opt/ssa/bin/ssa reload --pid $MAINPID\n") {
		t.Errorf("the unit does not reload with the program where it was installed:\n%s", unit)
	}

	// What the administrator wrote stays, whatever is installed or removed.
	own := filepath.Join(root, "etc/ssa/policy.yaml")
	if err := os.WriteFile(own, []byte("default: {versions: {min: \"1.3\"}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	made(t, "install", settings...)
	made(t, "uninstall", settings...)
	if got, want := filesBelow(t, root), installed[:1]; !slices.Equal(got, want) {
		t.Errorf("make uninstall left %q, want %q", got, want)
	}
	if text, err := os.ReadFile(own); err != nil || !strings.Contains(string(text), "1.3") {
		t.Errorf("the administrator's policy: %q, %v", text, err)
	}
}

// TestCompletions lets each shell read its completions, and bash use them.
func TestCompletions(t *testing.T) {
	ssatest.Need(t, "bash", "zsh", "fish")
	prefix := t.TempDir()
	made(t, "install", "PREFIX="+prefix, "SYSCONFDIR="+t.TempDir())
	scripts := map[string]string{"bash": "bash-completion/completions/ssa",
		"zsh": "zsh/site-functions/_ssa", "fish": "fish/vendor_completions.d/ssa.fish"}
	for shell, script := range scripts {
		out, err := exec.Command(shell, "-n", filepath.Join(prefix, "share", script)).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s -n: %v\n%s", shell, err, out)
		}
	}
	// What the package bash-completion has, which need not be there.
	const words = `_get_comp_words_by_ref() { cur=expl prev=ssa words=(ssa expl) cword=1; }; `
	cmd := exec.Command("bash", "--norc", "-c", words+`source "$1"; COMP_WORDS=(ssa expl); COMP_CWORD=1; COMP_LINE="ssa expl"; COMP_POINT=8
		__start_ssa; echo "${COMPREPLY[@]}"`, "-", filepath.Join(prefix, "share", scripts["bash"]))
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(prefix, "bin")+":"+os.Getenv("PATH"))
	if out := ssatest.Output(t, cmd); strings.TrimSpace(out) != "explain" {
		t.Errorf("bash completes `ssa expl` to %q, want explain", out)
	}
}
