package local_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// sServer starts openssl s_server and returns its address and its output.
func sServer(t *testing.T, issued *ssatest.Issued,
	args ...string) (addr string, lines *bufio.Scanner) {
	t.Helper()
	args = append([]string{"s_server", "-accept", "127.0.0.1:0", "-cert", issued.ChainFile(t), "-key",
		issued.KeyFile(t)}, args...)
	cmd := exec.Command("openssl", args...)
	stdin, err := cmd.StdinPipe() // kept open: the server ends with it
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
		stdin.Close()
		// It has been asked nothing and ends badly: that is expected.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines = bufio.NewScanner(output)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			return strings.TrimSpace(rest), lines
		}
	}
	t.Fatalf("openssl s_server did not say where it listens: %v", lines.Err())
	return "", nil
}

func TestAgainstOpenSSLServer(t *testing.T) {
	ssatest.Need(t, "openssl")
	a := ssatest.NewAuthority(t)
	issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	for flag, version := range map[string]uint16{"-tls1_2": tls.VersionTLS12,
		"-tls1_3": tls.VersionTLS13} {
		t.Run(flag, func(t *testing.T) {
			// -rev sends back each line reversed.
			addr, _ := sServer(t, issued, flag, "-rev", "-alpn", "x,y")
			e := local.New(local.Config{})
			pol := effective(a)
			for i := range 3 {
				tcp, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				conn, err := e.Handshake(wontHang(t), tcp.(*net.TCPConn),
					&engine.Request{Name: "a.example", Policy: pol, ALPN: []string{"y"}})
				if err != nil {
					t.Fatal(err)
				}
				facts := conn.Facts()
				if facts.Version != version || facts.ALPN != "y" || len(facts.PeerChain) != 1 ||
					facts.Resumed != (i > 0) {
					t.Errorf("connection %d: facts %s, want version %s, protocol y, one certificate, and resumed from the second on",
						i+1, fmtFacts(*facts), tls.VersionName(version))
				}
				mine, program := plaintextPair(t)
				ended := make(chan engine.End, 1)
				go func() { ended <- engine.RelayToEnd(conn, mine, engine.RelayOptions{}) }()
				fmt.Fprintln(program, "hello")
				line, err := bufio.NewReader(program).ReadString('\n')
				if err != nil || line != "olleh\n" {
					t.Errorf("connection %d: the program read %q with error %v, want olleh", i+1, line, err)
				}
				program.Close()
				if end := <-ended; end.Err != nil {
					t.Errorf("connection %d: the relay ended with %v", i+1, end.Err)
				}
			}
		})
	}
}

func TestAgainstOpenSSLClient(t *testing.T) {
	ssatest.Need(t, "openssl")
	a := ssatest.NewAuthority(t)
	ids := []*identity.Identity{
		makeIdentity(t, a.Intermediate(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"}})),
		makeIdentity(t, a.Issue(t, ssatest.Leaf{Names: []string{"b.example"}, RSA: 2048})),
	}
	for flag, version := range map[string]uint16{"-tls1_2": tls.VersionTLS12,
		"-tls1_3": tls.VersionTLS13} {
		t.Run(flag, func(t *testing.T) {
			e := local.New(local.Config{})
			req := &engine.Request{Role: engine.Server, Policy: effective(), Identities: ids,
				ALPN: []string{"x"}}
			session := filepath.Join(t.TempDir(), "session")
			for i, resume := range []string{"-sess_out", "-sess_in"} {
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer listener.Close()
				cmd := exec.Command("openssl", "s_client", "-connect", listener.Addr().String(), flag,
					"-servername", "b.example", "-verify_hostname", "b.example",
					"-CAfile", a.File(t), "-verify_return_error", "-alpn", "x", resume, session)
				stdin, err := cmd.StdinPipe() // s_client ends its connection when its input does
				if err != nil {
					t.Fatal(err)
				}
				var output strings.Builder
				cmd.Stdout, cmd.Stderr = &output, &output
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				tcp, err := listener.Accept()
				if err != nil {
					t.Fatal(err)
				}
				conn, err := e.Handshake(wontHang(t), tcp.(*net.TCPConn), req)
				if err != nil {
					stdin.Close()
					_ = cmd.Wait()
					t.Fatalf("%v; openssl said:\n%s", err, output.String())
				}
				facts := conn.Facts()
				if facts.Version != version || facts.ServerName != "b.example" || facts.ALPN != "x" ||
					facts.Resumed != (i == 1) {
					t.Errorf("facts %s, want version %s, name b.example, protocol x, resumed %v", fmtFacts(*facts), tls.VersionName(version), i == 1)
				}
				mine, program := plaintextPair(t)
				ended := make(chan engine.End, 1)
				go func() { ended <- engine.RelayToEnd(conn, mine, engine.RelayOptions{}) }()
				fmt.Fprintln(program, "greetings")
				program.CloseWrite() // close_notify: s_client ends
				_, _ = io.Copy(io.Discard, program)
				program.Close()
				stdin.Close()
				if err := cmd.Wait(); err != nil {
					t.Errorf("openssl ended with %v", err)
				}
				if end := <-ended; end.Err != nil {
					t.Errorf("the relay ended with %v", end.Err)
				}
				for _, want := range []string{"greetings", "Verification: OK",
					[]string{"New, ", "Reused, "}[i]} {
					if !strings.Contains(output.String(), want) {
						t.Errorf("openssl did not say %q, but:\n%s", want, output.String())
					}
				}
			}
		})
	}
}
