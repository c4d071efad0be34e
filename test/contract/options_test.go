//go:build linux

package contract

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

func TestSocketErrors(t *testing.T) {
	want := []string{
		"SOCK_DGRAM = -1 EPROTONOSUPPORT",
		"SOCK_SEQPACKET = -1 EPROTONOSUPPORT",
		"AF_UNIX = -1 ESOCKTNOSUPPORT",
		"AF_PACKET = -1 ESOCKTNOSUPPORT",
		"flags: nonblocking cloexec",
		"flags:",
		"exit status 0",
	}
	if got := start(t, "", "socket-errors").Finish(); !slices.Equal(got, want) {
		t.Errorf("the program printed\n  %s\nwanted\n  %s", strings.Join(got, "\n  "),
			strings.Join(want, "\n  "))
	}
}

// optionErrors is the contract's table of results, line by line.
const optionErrors = `-- fresh
set an unknown option = -1 ENOPROTOOPT
get an unknown option into 16 bytes = -1 ENOPROTOOPT
get TLS_PEER_IDENTITY into 256 bytes = -1 ENOTCONN
get TLS_PEER_CERTIFICATE_CHAIN into 256 bytes = -1 ENOTCONN
get TLS_CHOSEN_CIPHER into 256 bytes = -1 ENOTCONN
get TLS_VERSION_CONN into 4 bytes = -1 ENOTCONN
set TLS_REMOTE_HOSTNAME = 0
get TLS_REMOTE_HOSTNAME into 64 bytes = 0
length 12
set TLS_REMOTE_HOSTNAME with its NUL = 0
get TLS_REMOTE_HOSTNAME into 12 bytes = 0
length 12
get TLS_REMOTE_HOSTNAME into 11 bytes = -1 ERANGE
length 12
get TLS_REMOTE_HOSTNAME into 0 bytes = -1 ERANGE
length 12
set an empty name = -1 EINVAL
set a name with a NUL inside = -1 EINVAL
set a name with a space = -1 EINVAL
set a negative length = -1 EINVAL
set a huge length = -1 EINVAL
set TLS_ALPN = 0
get TLS_ALPN into 64 bytes = 0
length 12
set TLS_ALPN, an empty protocol = -1 EINVAL
set TLS_PRIVATE_KEY without a chain = -1 EINVAL
get TLS_PRIVATE_KEY into 64 bytes = -1 ENOPROTOOPT
get TLS_CERTIFICATE_CHAIN into 64 bytes = -1 ENOPROTOOPT
set a file that is not there = -1 ENOENT
set a file that is not there = -1 ENOENT
set broken PEM = -1 EINVAL
set a file without PEM = -1 EINVAL
set a device = -1 EINVAL
set a file we may not read = -1 EACCES
set TLS_PEER_IDENTITY = -1 ENOPROTOOPT
set TLS_CHOSEN_CIPHER = -1 ENOPROTOOPT
set TLS_ERROR = -1 ENOPROTOOPT
set, wild value = -1 EFAULT
get, wild value = -1 EFAULT
get, wild length = -1 EFAULT
set, no value = -1 EFAULT
-- connected
set TLS_REMOTE_HOSTNAME = -1 EISCONN
set TLS_CERTIFICATE_CHAIN = -1 EISCONN
set TLS_TRUSTED_PEER_CERTIFICATES = -1 EISCONN
set TLS_ALPN = -1 EISCONN
get TLS_PEER_CERTIFICATE_CHAIN into 10 bytes = -1 ERANGE
length CHAIN
get TLS_VERSION_CONN into 2 bytes = -1 ERANGE
length 4
get TLS_ID into 4 bytes = -1 ERANGE
length 8
connect = -1 EISCONN
-- listening
set TLS_CERTIFICATE_CHAIN = -1 EINVAL
set TLS_ALPN = -1 EINVAL
get TLS_PEER_IDENTITY into 64 bytes = -1 ENOTCONN
exit status 0`

func TestOptionErrors(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	l := (&peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}}).Listen(t)
	settings := []string{to(l), "name=a.example", "chain=" + leaf.ChainFile(t),
		"key=" + leaf.KeyFile(t)}
	want := strings.Split(strings.Replace(optionErrors, "length CHAIN",
		"length "+itoa(len(leaf.ChainPEM)+1), 1), "\n")
	if os.Getuid() == 0 { // who may read every file
		want = slices.DeleteFunc(want,
			func(line string) bool { return strings.Contains(line, "may not read") })
	} else {
		settings = append(settings, "file="+unreadable(t))
	}
	p := start(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), "option-errors", settings...)
	c := l.Accept()
	c.ExpectEnd()
	c.Close()
	p.Port()
	got := p.Finish()
	for i := range max(len(got), len(want)) {
		line, wanted := at(got, i), at(want, i)
		if line != wanted {
			t.Errorf("line %d: %q, wanted %q", i+1, line, wanted)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func unreadable(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret.pem")
	if err := os.WriteFile(path, []byte("secret"), 0o200); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPEMInMemory: certificates as bytes, with and without their NUL, and
// relative paths.
func TestPEMInMemory(t *testing.T) {
	leaf := ssatest.NewAuthority(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	got := start(t, "", "pem-in-memory", "chain="+leaf.ChainFile(t), "key="+leaf.KeyFile(t)).Finish()
	wantLines(t, got, "set chain as PEM = 0", "set key as PEM, with its NUL = 0",
		"set chain by a relative path = 0", "listen = 0")
}

// TestServerFacts: what a server's socket knows of the client.
func TestServerFacts(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	p := start(t, "", "server-facts", "chain="+leaf.ChainFile(t), "key="+leaf.KeyFile(t))
	network := &peer.Network{Client: &tls.Config{RootCAs: authority.Pool(), ServerName: "a.example",
		NextProtos: []string{"two", "one"}}}
	c := network.Dial(t, p.Port())
	c.ExpectEnd()
	c.Close()
	wantLines(t, p.Finish(), `TLS_HOSTNAME: "a.example"`, `TLS_ALPN: "one"`)
}

// TestClientALPN: what a client's socket knows of the protocol.
func TestClientALPN(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	l := (&peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS},
		NextProtos: []string{"two", "three"}}}).Listen(t)
	p := start(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), "verify", to(l),
		"name=a.example", "file=one,two")
	l.Accept().ExpectEnd().Close()
	wantLines(t, p.Finish(), "connect = 0", `TLS_ALPN: "two"`)
}

// TestNoCertificate: a server that cannot serve is told before anybody comes.
func TestNoCertificate(t *testing.T) {
	got := start(t, "", "no-certificate").Finish()
	if line := lineWith(t, got, "listen = "); line == "listen = 0" {
		t.Fatal("a listener without a certificate listens")
	}
	if s := lineWith(t, got, "TLS_ERROR: "); !strings.Contains(s, "TLS_CERTIFICATE_CHAIN") {
		t.Errorf("the sentence does not say what to do: %s", s)
	}
}

// TestPolicyVersions: the administrator's versions hold for both roles.
func TestPolicyVersions(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	policy := ssatest.PolicyWithRoots(t, "  versions: {min: \"1.3\"}\n", authority.File(t))
	old := &tls.Config{Certificates: []tls.Certificate{leaf.TLS}, MaxVersion: tls.VersionTLS12,
		RootCAs: authority.Pool(), ServerName: "a.example"}
	l := (&peer.Network{Server: old}).Listen(t)
	p := start(t, policy, "verify", to(l), "name=a.example")
	_ = l.AcceptFailing()
	wantLines(t, p.Finish(), "connect = -1 EPROTO")

	l = (&peer.Network{Server: old}).Listen(t)
	p = start(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), "verify", to(l), "name=a.example")
	l.Accept().ExpectEnd().Close()
	wantLines(t, p.Finish(), "connect = 0", "version: 0x0303, length 4")

	p = start(t, policy, "echo-server", "chain="+leaf.ChainFile(t), "key="+leaf.KeyFile(t))
	if c, err := (&peer.Network{Client: old}).TryDial(t, p.Port()); err == nil {
		c.Close()
		t.Error("a server that must speak TLS 1.3 spoke 1.2")
	}
}

// TestPolicySuites: the administrator's suites hold for TLS 1.2.
func TestPolicySuites(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	policy := ssatest.PolicyWithRoots(t, "  cipher_suites: [ECDHE-ECDSA-CHACHA20-POLY1305]\n  versions: {max: \"1.2\"}\n", authority.File(t))
	server := &tls.Config{Certificates: []tls.Certificate{leaf.TLS}}
	l := (&peer.Network{Server: server}).Listen(t)
	p := start(t, policy, "verify", to(l), "name=a.example")
	c := l.Accept()
	c.ExpectEnd()
	if suite := c.State().CipherSuite; suite != tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 {
		t.Errorf("the suite is %s", tls.CipherSuiteName(suite))
	}
	wantLines(t, p.Finish(), `TLS_CHOSEN_CIPHER: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"`)
}
