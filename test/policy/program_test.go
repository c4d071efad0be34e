//go:build linux

package policy

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// perlIn copies perl into a folder under a name.
func perlIn(t *testing.T, dir, name string) string {
	t.Helper()
	perl, err := exec.LookPath("perl")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(perl)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestProfileOfAnother: what is mounted over a program, or called like one that
// has gone, does not get its profile, and works with the default.
func TestProfileOfAnother(t *testing.T) {
	ssatest.Need(t, "perl", "unshare", "mount")
	if err := exec.Command("unshare", "-Urm", "true").Run(); err != nil {
		ssatest.Missing(t, "user namespaces: "+err.Error())
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	trusted, mine := perlIn(t, dir, "trusted"), perlIn(t, dir, "mine")
	plain := fmt.Sprint(serve(t, &peer.Network{}))
	a := ssatest.NewAuthority(t)
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"peer.example"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	secure := fmt.Sprint(serve(t,
		&peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}}))
	run := ssatest.Run{Policy: ssatest.PolicyWithRoots(t,
		fmt.Sprintf("  plain_tcp: deny\nprofiles: [{name: lax, match: {exe: %q}, plain_tcp: allow}]\n", trusted), a.File(t))}
	mounted := []string{"-Urm", "sh", "-c", `mount --bind "$1" "$2"; shift; exec "$@"`, "sh",
		mine, trusted}
	gone := []string{"-Urm", "sh", "-c", `cp "$1" "$1.copy"; mount -t tmpfs none "$(dirname "$1")"; p=$1; shift; ` +
		`cp /proc/self/fd/9 "$p"; exec 8<"$p"; rm "$p"; exec /proc/self/fd/8 "$@"`, "sh", trusted}
	for _, c := range []struct {
		what, protocol, port, want string
		program                    string
		before                     []string
	}{
		{"the program itself", "6", plain, "hello\n", trusted, nil},
		{"in a mount namespace", "6", plain, "hello\n", "unshare", []string{"-Urm", trusted}},
		{"another program", "6", plain, "Operation not permitted\n", mine, nil},
		{"mounted over it", "6", plain, "Operation not permitted\n", "unshare", mounted},
		{"mounted over it, TLS", "205", secure, "hello\n", "unshare", mounted},
		{"called so, and removed", "6", plain, "Operation not permitted\n", "unshare", gone},
		{"called so, and removed, TLS", "205", secure, "hello\n", "unshare", gone},
	} {
		t.Run(c.what, func(t *testing.T) {
			args := append(c.before, "-e", connects, c.protocol, c.port)
			cmd := run.Command(t, "sh",
				append([]string{"-c", `exec 9<"$1"; shift; exec "$@"`, "sh", mine, c.program}, args...)...)
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != c.want {
				t.Errorf("the program prints %q (%v), want %q", out, err, c.want)
			}
		})
	}
}

// TestExplainWithoutAccount: a user needs no account for the policy to be
// explained to him, as in a container.
func TestExplainWithoutAccount(t *testing.T) {
	ssatest.NeedRoot(t, "only root can be a user without an account")
	ssatest.Need(t, "setpriv")
	cmd := exec.Command("setpriv", "--reuid=48731", "--regid=48732", "--clear-groups", ssatest.SSA(t),
		"explain", "--", "/bin/sh")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "48731, group 48732\n") {
		t.Errorf("got %v and\n%s", err, out)
	}
}
