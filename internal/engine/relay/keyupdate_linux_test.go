package relay

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// A peer that renews its keys and asks for ours to be renewed: crypto/tls, as a
// peer, never does.
func TestKeyUpdate(t *testing.T) {
	ssatest.Need(t, "openssl")
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"peer.test"}})
	file := filepath.Join(t.TempDir(), "server.pem")
	must(t, os.WriteFile(file, append(issued.ChainPEM, issued.KeyPEM...), 0o600))
	cmd := exec.Command("openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert",
		file, "-tls1_3")
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	out := bufio.NewReader(stdout)
	t.Cleanup(func() {
		cmd.Process.Kill()
		_ = cmd.Wait()
	})
	awaitLine := func(part string) string {
		t.Helper()
		for {
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatalf("openssl s_server ended before it said %q: %v", part, err)
			}
			if strings.Contains(line, part) {
				return strings.TrimSpace(line)
			}
		}
	}

	_, address, _ := strings.Cut(awaitLine("ACCEPT"), " ")
	conn, err := net.Dial("tcp", address)
	must(t, err)
	wire := NewWire(conn.(*net.TCPConn))
	client := tls.Client(wire, &tls.Config{RootCAs: authority.Pool(), ServerName: "peer.test"})
	must(t, client.Handshake())
	plaintext, program := plaintextPair(t)
	ended := make(chan End)
	go func() { ended <- New(Config{TLS: client, Wire: wire, Plaintext: plaintext}).Run() }()

	for _, word := range []string{"first", "second", "third"} {
		mustWrite(t, stdin, []byte("K\n"))
		awaitLine("SSL_do_handshake -> 1")
		mustWrite(t, program, []byte(word+" from the program\n"))
		awaitLine(word + " from the program")
		want := word + " from the peer\n"
		mustWrite(t, stdin, []byte(want))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(program, got); err != nil || string(got) != want {
			t.Fatalf("the program read %q, %v; want %q", got, err, want)
		}
	}
	must(t, program.Close())
	if end := <-ended; end.Err != nil || end.SendErr != nil {
		t.Errorf("the end is %+v", end)
	}
}
