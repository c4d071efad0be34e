//go:build linux

package hostile

import (
	"fmt"
	"os"
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
	out, err := ssatest.Run{Policy: w.policy}.Command(t, "unshare", "--net", "perl", "-e", program).CombinedOutput()
	if want := "Network is unreachable\nNo route to host\n"; err != nil || string(out) != want {
		t.Errorf("the program prints %q (%v), want %q", out, err, want)
	}
}
