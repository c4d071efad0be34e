package local_test

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// An independent client shows its certificate, also for the hints it is given,
// and resumes without showing it again.
func TestClientAuthOfOpenSSL(t *testing.T) {
	ssatest.Need(t, "openssl")
	r := newClientAuthRig(t)
	for _, flag := range []string{"-tls1_2", "-tls1_3"} {
		t.Run(flag, func(t *testing.T) {
			e := local.New(local.Config{})
			req := r.request(policy.ClientAuthRequire)
			session := filepath.Join(t.TempDir(), "session")
			alice := []string{"-cert", r.alice.ChainFile(t), "-cert_chain", r.alice.ChainFile(t), "-key",
				r.alice.KeyFile(t)}
			for _, tc := range []struct {
				name    string
				args    []string
				resumed bool
				refused string
			}{
				{name: "none", refused: "the client showed no certificate"},
				{name: "a stranger's", args: []string{"-cert", r.mallory.ChainFile(t), "-key", r.mallory.KeyFile(t)}, refused: "not among the anchors"},
				{name: "good", args: append(alice, "-sess_out", session)},
				{name: "resumed", args: append(alice, "-sess_in", session), resumed: true},
			} {
				facts, output, err := sClient(t, e, req,
					append(tc.args, flag, "-CAfile", r.authority.File(t))...)
				switch {
				case tc.refused != "":
					failure(t, err, engine.Untrusted, "")
					if err != nil && !strings.Contains(err.Error(), tc.refused) {
						t.Errorf("%s: refused with %q, want something about %q", tc.name, err, tc.refused)
					}
				case err != nil:
					t.Errorf("%s: %v; openssl said:\n%s", tc.name, err, output)
				case facts.PeerIdentity != "CN=alice" || len(facts.PeerChain) < 2 ||
					facts.Resumed != tc.resumed:
					t.Errorf("%s: facts %s, want alice with her issuer, resumed %v", tc.name, fmtFacts(*facts), tc.resumed)
				}
			}
		})
	}
}

// sClient lets openssl s_client connect, sends it a greeting, and returns what
// it said.
func sClient(t *testing.T, e engine.Engine, req *engine.Request,
	args ...string) (*engine.Facts, string, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	cmd := exec.Command("openssl", append([]string{"s_client", "-connect", listener.Addr().String(),
		"-servername", "a.example"}, args...)...)
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
	if err == nil {
		mine, program := plaintextPair(t)
		ended := make(chan engine.End, 1)
		go func() { ended <- engine.RelayToEnd(conn, mine, engine.RelayOptions{}) }()
		fmt.Fprintln(program, "greetings")
		program.CloseWrite() // close_notify: s_client ends
		_, _ = io.Copy(io.Discard, program)
		program.Close()
		<-ended
	}
	stdin.Close()
	// How it ends is part of what is tested only where the handshake succeeds.
	if waitErr := cmd.Wait(); err == nil && waitErr != nil {
		t.Errorf("openssl ended with %v:\n%s", waitErr, output.String())
	}
	if err != nil {
		return nil, output.String(), err
	}
	return conn.Facts(), output.String(), nil
}
