package local_test

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestHelloRequest: a server of TLS 1.2 that would like another handshake is not
// obeyed, and keeps its connection.
func TestHelloRequest(t *testing.T) {
	ssatest.Need(t, "openssl", "stdbuf")
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	for _, suite := range []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
		"ECDHE-ECDSA-CHACHA20-POLY1305"} {
		t.Run(suite, func(t *testing.T) {
			cmd := exec.Command("stdbuf", "-o0", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
				issued.ChainFile(t), "-key", issued.KeyFile(t),
				"-tls1_2", "-cipher", suite)
			commands, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			output, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				// It has been asked nothing and ends badly: that is expected.
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			lines := bufio.NewScanner(output)
			await := func(start string) string {
				t.Helper()
				for lines.Scan() {
					if rest, ok := strings.CutPrefix(lines.Text(), start); ok {
						return strings.TrimSpace(rest)
					}
				}
				t.Fatalf("openssl s_server does not say %q: %v", start, lines.Err())
				return ""
			}
			tcp, err := net.Dial("tcp", await("ACCEPT "))
			if err != nil {
				t.Fatal(err)
			}
			e := local.New(local.Config{})
			defer e.Close()
			conn, err := e.Handshake(wontHang(t), tcp.(*net.TCPConn),
				&engine.Request{Name: "a.example", Policy: effective(a)})
			if err != nil {
				t.Fatal(err)
			}
			mine, program := plaintextPair(t)
			ended := make(chan engine.End, 1)
			go func() { ended <- engine.RelayToEnd(conn, mine, engine.RelayOptions{}) }()
			reader := bufio.NewReader(program)
			// The server takes a line that begins so for a command.
			for _, line := range []string{"1 before", "2 between", "3 after"} {
				fmt.Fprintln(commands, line)
				if got, err := reader.ReadString('\n'); err != nil || got != line+"\n" {
					t.Fatalf("the program read %q, %v, want %q", got, err, line)
				}
				fmt.Fprintln(commands, "r")
				await("SSL_do_handshake -> ")
			}
			fmt.Fprintln(program, "and back")
			await("and back")
			program.Close()
			if end := <-ended; end.Err != nil {
				t.Errorf("the relay ended with %v", end.Err)
			}
		})
	}
}
