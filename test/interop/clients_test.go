//go:build linux

package interop

import (
	"crypto/tls"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

func command(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	return ssatest.Kill(t, exec.Command(program, args...))
}

// TestCurl: curl and our servers.
func TestCurl(t *testing.T) {
	ssatest.Need(t, "curl")
	for _, rsa := range []int{0, 2048} {
		w := newWorld(t, ssatest.Leaf{RSA: rsa})
		for _, flags := range [][]string{{"--tls-max", "1.2"}, {"--tlsv1.3"}} {
			t.Run(fmt.Sprintf("%v/rsa %d", flags, rsa), func(t *testing.T) {
				t.Parallel()
				_, port := w.server(t, "http-server")
				url := fmt.Sprintf("https://%s:%d/", name, port)
				args := append([]string{"-sS", "--noproxy", "*", "--cacert", w.roots, "--resolve",
					fmt.Sprintf("%s:%d:127.0.0.1", name, port)}, flags...)
				for range 3 {
					if got := ssatest.Output(t, command(t, "curl", append(args, url)...)); got != "hello\n" {
						t.Fatalf("curl got %q", got)
					}
				}
			})
		}
	}
}

// sClient runs openssl s_client, which sends one line and ends.
func (w *world) sClient(t *testing.T, port int, flags ...string) string {
	t.Helper()
	args := append([]string{"s_client", "-connect", fmt.Sprintf("127.0.0.1:%d", port), "-servername",
		name, "-CAfile", w.roots,
		"-verify_return_error", "-verify_hostname", name, "-ign_eof"}, flags...)
	cmd := command(t, "openssl", args...)
	cmd.Stdin = strings.NewReader("GET / HTTP/1.0\r\n\r\n")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("openssl s_client: %v\n%s", err, out.String())
	}
	return out.String()
}

// TestOpenSSLClient: openssl s_client and our servers: both versions, and
// sessions resumed in both.
func TestOpenSSLClient(t *testing.T) {
	ssatest.Need(t, "openssl")
	w := newWorld(t, ssatest.Leaf{})
	for flag, protocol := range map[string]string{"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			_, port := w.server(t, "http-server")
			session := filepath.Join(t.TempDir(), "session")
			first := w.sClient(t, port, flag, "-sess_out", session)
			for _, want := range []string{"New, " + protocol, "Verify return code: 0 (ok)", "hello",
				"Verified peername: " + name} {
				if !strings.Contains(first, want) {
					t.Errorf("openssl does not say %q:\n%s", want, first)
				}
			}
			if second := w.sClient(t, port, flag, "-sess_in",
				session); !strings.Contains(second, "Reused, "+protocol) || !strings.Contains(second, "hello") {
				t.Errorf("the session was not resumed:\n%s", second)
			}
		})
	}
}

// TestOldVersionsAreRefused: nobody gets in below TLS 1.2.
func TestOldVersionsAreRefused(t *testing.T) {
	ssatest.Need(t, "openssl")
	w := newWorld(t, ssatest.Leaf{RSA: 2048})
	_, port := w.server(t, "http-server")
	cmd := command(t, "openssl", "s_client", "-connect", fmt.Sprintf("127.0.0.1:%d", port), "-tls1_1",
		"-cipher", "ALL:@SECLEVEL=0")
	if out, err := cmd.CombinedOutput(); err == nil ||
		!strings.Contains(string(out), "protocol version") {
		t.Errorf("openssl with TLS 1.1: %v\n%s", err, out)
	}
}

const pythonClient = `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
s = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[3]))), server_hostname=sys.argv[2])
s.sendall(b"hello")
print(s.version(), s.recv(5).decode())
s.unwrap().close()
`

// TestPythonClient: Python's ssl and our servers, with a close_notify in each
// direction.
func TestPythonClient(t *testing.T) {
	ssatest.Need(t, "/usr/bin/python3")
	w := newWorld(t, ssatest.Leaf{})
	script, _ := write(t, "client.py", pythonClient)
	_, port := w.server(t, "echo-server")
	got := ssatest.Output(t, command(t, "/usr/bin/python3", script, w.roots, name, fmt.Sprint(port)))
	if got != "TLSv1.3 hello\n" {
		t.Errorf("Python printed %q", got)
	}
}

// TestSNI: several certificates on one listener, chosen by the name asked for.
func TestSNI(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	var chains, keys []string
	for _, leaf := range []ssatest.Leaf{{Names: []string{"one.example"}},
		{Names: []string{"two.example"}}, {Names: []string{"*.wild.example"}},
		{Names: []string{"two.example"}, RSA: 2048}} {
		issued := authority.Issue(t, leaf)
		chains, keys = append(chains, issued.ChainFile(t)), append(keys, issued.KeyFile(t))
	}
	tests := []struct {
		ask, want string
		good      bool
	}{
		{"one.example", "one.example", true},
		{"two.example", "two.example", true},
		{"TWO.EXAMPLE", "two.example", true},
		{"any.wild.example", "*.wild.example", true},
		{"", "one.example", true}, // the first is the default
		{"other.example", "one.example", false},
	}
	w := &world{authority: authority, policy: ssatest.PolicyWithRoots(t, "", authority.File(t)),
		chain: strings.Join(chains, ","), key: strings.Join(keys, ",")}
	p, port := w.server(t, "several-certificates", fmt.Sprintf("bytes=%d", len(tests)+1))
	for _, test := range tests {
		// The peer looks at the certificate itself, also at one it would refuse.
		got := ""
		network := &peer.Network{Client: &tls.Config{ServerName: test.ask, InsecureSkipVerify: true,
			VerifyConnection: func(s tls.ConnectionState) error {
				got = s.PeerCertificates[0].DNSNames[0]
				return nil
			}}}
		c := network.Dial(t, port)
		c.CloseWrite()
		c.ExpectEnd().Close()
		if got != test.want {
			t.Errorf("asked for %q, got the certificate of %q, wanted that of %q", test.ask, got, test.want)
		}
	}
	// A client that can only do RSA gets the RSA certificate of the name.
	rsa := &peer.Network{Client: &tls.Config{ServerName: "two.example", RootCAs: authority.Pool(),
		MaxVersion:   tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}}
	c := rsa.Dial(t, port)
	c.CloseWrite()
	c.ExpectEnd().Close()
	p.Finish()
}
