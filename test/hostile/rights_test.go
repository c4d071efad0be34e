//go:build linux

package hostile

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// asNobody is a program that has dropped root's rights, with socket calls only.
const asNobody = `
use Socket;
socket(my $s, 2, 1, 205) or die "socket: $!";
print bind($s, sockaddr_in(81, inet_aton("127.0.0.1"))) ? "bound\n" : "bind: $!\n";
for my $file (@ARGV) {
	print setsockopt($s, 205, 88, $file) ? "read\n" : "file: $!\n";
}
`

// What the gate does for a program it does with the program's rights, though
// it has more itself.
func TestDroppedRightsStayDropped(t *testing.T) {
	ssatest.NeedRoot(t, "only root has rights to drop")
	ssatest.Need(t, "setpriv", "perl")
	secret := t.TempDir() + "/chain.pem"
	leaf := ssatest.NewAuthority(t).Issue(t, ssatest.Leaf{Names: []string{"x"}})
	if err := os.WriteFile(secret, leaf.ChainPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := ssatest.Run{}.Command(t, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
		"perl", "-e", asNobody, secret, "/proc/self/environ").CombinedOutput()
	want := "bind: Permission denied\n" + strings.Repeat("file: Permission denied\n", 2)
	if err != nil || string(out) != want {
		t.Errorf("the program prints %q (%v), want %q", out, err, want)
	}
}

// Capabilities of a user namespace that a program has made are worth nothing
// outside it.
func TestCapabilitiesOfANamespace(t *testing.T) {
	ssatest.NeedRoot(t, "only root has rights to take for the program's")
	ssatest.Need(t, "setpriv", "unshare", "perl")
	secret := t.TempDir() + "/chain.pem"
	leaf := ssatest.NewAuthority(t).Issue(t, ssatest.Leaf{Names: []string{"x"}})
	if err := os.WriteFile(secret, leaf.ChainPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	user := []string{"--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "-U", "-r"}
	for what, tc := range map[string]struct {
		args []string
		want string
	}{
		"a user namespace": {nil, "bind: Permission denied\nfile: Permission denied\n"},
		// What it may do natively: the port is one of its own network.
		"a network namespace too": {[]string{"-n"}, "bound\nfile: Permission denied\n"},
		"a nested one":            {[]string{"unshare", "-U", "-r"}, "bind: Permission denied\nfile: Permission denied\n"},
	} {
		args := append(append(user[:len(user):len(user)], tc.args...), "perl", "-e", asNobody, secret)
		out, err := ssatest.Run{}.Command(t, "setpriv", args...).CombinedOutput()
		if err != nil || string(out) != tc.want {
			t.Errorf("%s: the program prints %q (%v), want %q", what, out, err, tc.want)
		}
	}
	// Root's own files stay root's in a namespace; other ports and files do not.
	out, err := ssatest.Run{}.Command(t, "unshare", "-U", "-r", "perl", "-e",
		asNobody).CombinedOutput()
	if want := "bind: Permission denied\n"; err != nil || string(out) != want {
		t.Errorf("root's program prints %q (%v), want %q", out, err, want)
	}
}

// TestNetworkOfAnOrdinaryUser: a user and network namespace that anybody can make
// is a network like any other, below ssa run and around it.
func TestNetworkOfAnOrdinaryUser(t *testing.T) {
	ssatest.Need(t, "unshare", "perl", "ip", "python3")
	if err := exec.Command("unshare", "-Urn", "true").Run(); err != nil {
		ssatest.Missing(t, "user namespaces: "+err.Error())
	}
	a := ssatest.NewAuthority(t)
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"localhost"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	const both = `import os, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
s.setsockopt(205, 88, sys.argv[1].encode()); s.setsockopt(205, 89, sys.argv[2].encode())
s.bind(("127.0.0.1", 881)); s.listen()
if os.fork() == 0:
    c, _ = s.accept(); c.sendall(c.recv(5)); c.recv(1); os._exit(0)
c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
c.connect(("127.0.0.1", 881)); c.sendall(b"hello"); print(c.recv(5).decode()); c.close(); os.wait()`
	run := ssatest.Run{Policy: ssatest.PolicyWithRoots(t, "", a.File(t))}
	program := []string{"python3", "-c", both, leaf.ChainFile(t), leaf.KeyFile(t)}
	around := run.Command(t, program[0], program[1:]...)
	for what, cmd := range map[string]*exec.Cmd{
		"below":  run.Command(t, "unshare", append([]string{"-Urn"}, program...)...),
		"around": exec.Command("unshare", append([]string{"-Urn"}, around.Args...)...),
		"nested": run.Command(t, "unshare", append([]string{"-Urn", "unshare", "-Urn"}, program...)...),
	} {
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "hello\n" {
			t.Errorf("%s: the program prints %q (%v)", what, out, err)
		}
	}
}

// A program in a network namespace of its own does not get out of it.
func TestNetworkNamespaceHolds(t *testing.T) {
	ssatest.NeedRoot(t, "only root can make a network namespace here")
	ssatest.Need(t, "unshare", "perl")
	w := newWorld(t)
	l := w.network.Listen(t)
	defer echo(l)()
	program := fmt.Sprintf(`use Socket; socket(my $s, 2, 1, 205) or die "socket: $!";
print connect($s, sockaddr_in(%d, inet_aton("127.0.0.1"))) ? "connected\n" : "$!\n";
my $name = pack("Sna*", 43, %d, "localhost");
print connect($s, $name) ? "connected\n" : "$!\n"`, l.Port(), l.Port())
	out, err := ssatest.Run{Policy: w.policy}.Command(t, "unshare", "--net", "perl", "-e",
		program).CombinedOutput()
	if want := "Network is unreachable\nNo route to host\n"; err != nil || string(out) != want {
		t.Errorf("the program prints %q (%v), want %q", out, err, want)
	}
}
