//go:build linux

// Package policy tests what an administrator says about a machine's
// connections, from the file to the wire, with a program that makes socket
// calls only.
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

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// connects tries to connect by a protocol (43: a socket of AF_HOSTNAME) to
// 127.0.0.1, or another address, and a port, sends "hello" and prints what comes
// back, or the error.
const connects = `use Socket; my ($protocol, $port, $name, $to) = @ARGV;
socket(my $s, $protocol == 43 ? 43 : 2, 1, $protocol == 43 ? 205 : $protocol) or die "socket: $!";
setsockopt($s, 205, 85, $name) or die "name: $!" if $name;
connect($s, sockaddr_in($port, inet_aton($to || "127.0.0.1"))) or do { print "$!\n"; exit };
syswrite($s, "hello"); sysread($s, my $answer, 100); print "$answer\n"`

// fastOpen connects without connect(2).
const fastOpen = `use Socket; my ($protocol, $port) = @ARGV; socket(my $s, 2, 1, $protocol) or die "socket: $!";
print defined send($s, "hello", 0x20000000, sockaddr_in($port, inet_aton("127.0.0.1"))) ? "sent\n" : "$!\n"`

// makes only makes a socket.
const makes = `print defined socket(my $s, 2, 1, $ARGV[0]) ? "made\n" : "$!\n"`

func TestConnections(t *testing.T) {
	ssatest.Need(t, "perl")
	a := ssatest.NewAuthority(t)
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"peer.example"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	secure := serve(t, &peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}})
	plain := serve(t, &peer.Network{})
	const notPermitted = "Operation not permitted\n"
	for _, c := range []struct {
		what, policy, script, args, want string
	}{
		{"nothing said, plain", "", connects, fmt.Sprint("6 ", plain), "hello\n"},
		{"plain TCP denied", "  plain_tcp: deny\n", connects, fmt.Sprint("6 ", plain), notPermitted},
		{"plain TCP denied, TLS", "  plain_tcp: deny\n", connects, fmt.Sprint("205 ", secure), "hello\n"},
		{"plain TCP denied, fast open", "  plain_tcp: deny\n", fastOpen, fmt.Sprint("6 ", plain), "Operation not supported\n"},
		{"plain TCP denied, MPTCP", "  plain_tcp: deny\n", makes, "262", "Protocol not supported\n"},
		{"nothing said, MPTCP", "", makes, "262", "made\n"},
		{"listed", fmt.Sprintf("  plain_tcp: [\"127.0.0.1:%d\"]\n", plain), connects, fmt.Sprint("6 ", plain), "hello\n"},
		{"not listed", fmt.Sprintf("  plain_tcp: [\"127.0.0.1:%d\"]\n", secure), connects, fmt.Sprint("6 ", plain), notPermitted},
		{"made TLS", fmt.Sprintf("  upgrade: [{to: 127.0.0.0/8, port: %d, name: peer.example}]\n", secure), connects, fmt.Sprint("6 ", secure), "hello\n"},
		{"made TLS, unspecified address", fmt.Sprintf("  upgrade: [{to: 127.0.0.0/8, port: %d, name: peer.example}]\n", secure), connects, fmt.Sprint("6 ", secure, " 0 0.0.0.0"), "hello\n"},
		{"listed, unspecified address", fmt.Sprintf("  plain_tcp: [\"0.0.0.0:%d\"]\n", plain), connects, fmt.Sprint("6 ", plain, " 0 0.0.0.0"), notPermitted},
		{"peer denied by address, unspecified address", "  peers: {deny: [127.0.0.0/8]}\n", connects, fmt.Sprint("205 ", secure, " peer.example 0.0.0.0"), notPermitted},
		{"peer denied by address, AF_HOSTNAME and unspecified address", "  peers: {deny: [127.0.0.0/8]}\n", connects, fmt.Sprint("43 ", secure, " peer.example 0.0.0.0"), notPermitted},
		{"made TLS, wrong name", fmt.Sprintf("  upgrade: [{to: 127.0.0.0/8, port: %d, name: other.example}]\n", secure), connects, fmt.Sprint("6 ", secure), "Protocol error\n"},
		{"peer denied by address", "  peers: {deny: [127.0.0.0/8]}\n", connects, fmt.Sprint("205 ", secure, " peer.example"), notPermitted},
		{"peer denied by name", "  peers: {deny: [peer.example]}\n", connects, fmt.Sprint("205 ", secure, " peer.example"), notPermitted},
		{"peer allowed by name", "  peers: {allow: [\"*.example\"]}\n", connects, fmt.Sprint("205 ", secure, " peer.example"), "hello\n"},
		{"peer not allowed", "  peers: {allow: [other.example]}\n", connects, fmt.Sprint("205 ", secure, " peer.example"), notPermitted},
	} {
		t.Run(c.what, func(t *testing.T) {
			if c.args == "262" {
				if _, err := os.Stat("/proc/sys/net/mptcp"); err != nil {
					ssatest.Missing(t, "MPTCP in this kernel")
				}
			}
			run := ssatest.Run{Policy: ssatest.PolicyWithRoots(t, c.policy, a.File(t))}
			out, err := run.Command(t, "perl",
				append([]string{"-e", c.script}, strings.Fields(c.args)...)...).CombinedOutput()
			if err != nil || string(out) != c.want {
				t.Errorf("the program prints %q (%v), want %q", out, err, c.want)
			}
		})
	}
}

// What the policy refuses is told by ssa run -v, with the line that says so.
func TestRefusalsAreTold(t *testing.T) {
	ssatest.Need(t, "perl")
	a := ssatest.NewAuthority(t)
	for _, c := range []struct{ what, policy, args, want string }{
		{"a peer denied", "  peers: {deny: [127.0.0.0/8]}\n", "205 9", "the policy forbids connections to 127.0.0.1:9 ("},
		{"a peer not allowed", "  peers: {allow: [other.example]}\n", "205 9 peer.example", "not among the peers that the policy allows ("},
		{"plain TCP denied", "  plain_tcp: deny\n", "6 9", "the policy allows no plain TCP connection to 127.0.0.1:9 ("},
	} {
		t.Run(c.what, func(t *testing.T) {
			run := ssatest.Run{Policy: ssatest.PolicyWithRoots(t, c.policy, a.File(t)), Verbose: true}
			cmd := run.Command(t, "perl", append([]string{"-e", connects}, strings.Fields(c.args)...)...)
			var told strings.Builder
			cmd.Stderr = &told
			if out, err := cmd.Output(); err != nil || string(out) != "Operation not permitted\n" {
				t.Errorf("the program prints %q (%v)", out, err)
			}
			line := told.String()
			if !strings.Contains(line, c.want) || !strings.Contains(line, "policy.yaml:4:") ||
				!strings.Contains(line, "(program perl[") {
				t.Errorf("ssa run -v said %q; want %q, the place and the program", line, c.want)
			}
		})
	}
}

// A profile holds for the executable it names, and a server needs no
// certificate options where the policy has an identity for it.
func TestProfileAndIdentity(t *testing.T) {
	ssatest.Need(t, "perl")
	perl, err := exec.LookPath("perl")
	if err == nil {
		perl, err = filepath.EvalSymlinks(perl)
	}
	if err != nil {
		t.Fatal(err)
	}
	a := ssatest.NewAuthority(t)
	leaf := a.Issue(t, ssatest.Leaf{Names: []string{"www.example"}})
	policy := ssatest.PolicyWithRoots(t, fmt.Sprintf("identities: {www: {chain: %q, key: %q}}\nprofiles:\n"+
		"  - {name: perl, match: {exe: %q}, versions: {max: \"1.2\"}, server: {identity: www}}\n", leaf.ChainFile(t), leaf.KeyFile(t), perl), a.File(t))
	const server = `use Socket; $| = 1; socket(my $s, 2, 1, 205) or die; listen($s, 5) or die "listen: $!";
print "".(sockaddr_in(getsockname($s)))[0], "\n"; accept(my $c, $s) or die; print unpack("i", getsockopt($c, 205, 113)), "\n"; syswrite($c, "hi")`
	cmd := ssatest.Run{Policy: policy}.Command(t, "perl", "-e", server)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var port, version int
	if _, err := fmt.Fscanln(out, &port); err != nil {
		t.Fatalf("the server names no port: %v", err)
	}
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port),
		&tls.Config{RootCAs: a.Pool(), ServerName: "www.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fscanln(out, &version); err != nil || version != tls.VersionTLS12 {
		t.Errorf("the version is %#x (%v), want that of the profile", version, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// serve echoes on a port until the test ends.
func serve(t *testing.T, n *peer.Network) int {
	t.Helper()
	l := n.Listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.ServeEcho()
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Port()
}
