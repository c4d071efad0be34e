// Package ports_test runs the ported programs against a TLS server that is not
// ours. It needs what `make ports` builds.
package ports_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// port returns the absolute path of a ported program.
func port(t *testing.T, name string) string {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("../../bin/ports", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		ssatest.Missing(t, "bin/ports/"+name+" is not built: make ports")
	}
	// As an ordinary user, the tests may not see the module's own folder.
	return ssatest.Artifact(t, name, func(out string) error {
		text, err := os.ReadFile(program)
		if err != nil {
			return err
		}
		return os.WriteFile(out, text, 0o755)
	})
}

// serve answers each TLS connection on a loopback port with handle, until the
// test ends, and returns the port and the policy that trusts the server.
func serve(t *testing.T, handle func(*tls.Conn)) (port string, run ssatest.Run) {
	t.Helper()
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	// netcat has IPv4 alone, rsync tries both.
	listener, err := tls.Listen("tcp", "127.0.0.1:0",
		&tls.Config{Certificates: []tls.Certificate{issued.TLS}})
	if err != nil {
		t.Fatal(err)
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer conn.Close()
				handle(conn.(*tls.Conn))
			})
		}
	})
	t.Cleanup(connections.Wait)
	t.Cleanup(func() { listener.Close() })
	_, port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, ssatest.Run{Policy: ssatest.PolicyWithRoots(t, "", authority.File(t)), Verbose: true}
}

// TestShellPipeline sends a file through netcat from a shell that knows
// nothing of TLS, and gets its checksum back.
func TestShellPipeline(t *testing.T) {
	ssatest.Need(t, "sh", "head")
	nc := port(t, "netcat-tls")
	serverPort, run := serve(t, func(conn *tls.Conn) {
		sum := sha256.New()
		n, err := io.CopyN(sum, conn, 1<<20)
		fmt.Fprintf(conn, "%d %v %x\n", n, err, sum.Sum(nil))
	})
	cmd := run.Command(t, "sh", "-c", `head -c 1048576 /dev/zero | "$1" localhost "$2"`, "sh", nc, serverPort)
	want := fmt.Sprintf("1048576 <nil> %x\n", sha256.Sum256(make([]byte, 1<<20)))
	if got := ssatest.Output(t, cmd); got != want {
		t.Errorf("the server answered %q, want %q", got, want)
	}
}

// TestInheritedSocket lets netcat start a shell on the connection: the TLS
// socket is the standard input and output of a program that knows of neither.
func TestInheritedSocket(t *testing.T) {
	ssatest.Need(t, "sh")
	nc := port(t, "netcat-tls")
	heard := make(chan string, 1)
	serverPort, run := serve(t, func(conn *tls.Conn) {
		fmt.Fprint(conn, "echo $((6 * 7)); exit\n")
		text, err := io.ReadAll(conn)
		heard <- fmt.Sprintf("%s%v", text, err)
	})
	ssatest.Output(t, run.Command(t, nc, "-e", "/bin/sh", "localhost", serverPort))
	if got, want := <-heard, "42\n<nil>"; got != want {
		t.Errorf("the shell at the other end of the socket said %q, want %q", got, want)
	}
}

func TestWrongName(t *testing.T) {
	nc := port(t, "netcat-tls")
	serverPort, run := serve(t, func(conn *tls.Conn) {
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("the server got %d bytes from a client that could not verify it", n)
		}
	})
	cmd := run.Command(t, nc, "127.0.0.1", serverPort)
	cmd.Stdin = strings.NewReader("secret\n")
	if text, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("netcat talked to a server whose certificate does not name the address:\n%s", text)
	}
}

// TestRsync copies a folder from an rsync daemon behind TLS.
func TestRsync(t *testing.T) {
	rsync := port(t, "rsync-tls")
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	content := bytes.Repeat([]byte("plain text never leaves\n"), 50_000)
	if err := os.WriteFile(filepath.Join(from, "file"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(from, ".rsyncd.conf")
	text := "use chroot = no\nlog file = /dev/stderr\n[files]\npath = " + from + "\nexclude = .rsyncd.conf\n"
	if os.Getuid() == 0 {
		text += "uid = 0\ngid = 0\n"
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	serverPort, run := serve(t, func(conn *tls.Conn) {
		if err := daemon(rsync, config, conn); err != nil {
			t.Errorf("rsync daemon: %v", err)
		}
	})
	ssatest.Output(t, run.Command(t, rsync, "-a", "--port="+serverPort,
		"rsync://localhost/files/", to))
	got, err := os.ReadFile(filepath.Join(to, "file"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("the copy has %d bytes and differs from the %d bytes sent", len(got), len(content))
	}
}

// tcpPair returns both ends of a plain connection, since rsync wants to know the
// address of its client.
func tcpPair() (*net.TCPConn, *os.File, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	accepted, err := listener.Accept()
	if err != nil {
		ours.Close()
		return nil, nil, err
	}
	defer accepted.Close()
	theirs, err := accepted.(*net.TCPConn).File()
	if err != nil {
		ours.Close()
		return nil, nil, err
	}
	return ours.(*net.TCPConn), theirs, nil
}

// daemon serves one connection with rsync itself, as inetd would: with a
// socket as its standard input, which needs no TLS socket and no gate.
func daemon(rsync, config string, conn *tls.Conn) error {
	ours, theirs, err := tcpPair()
	if err != nil {
		return err
	}
	defer ours.Close()
	var stderr bytes.Buffer
	cmd := exec.Command(rsync, "--daemon", "--config="+config)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, &stderr
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(ours, conn) //nolint:errcheck // ends with the connection
		ours.CloseWrite()   //nolint:errcheck // the daemon may be gone
	})
	_, copyErr := io.Copy(conn, ours)
	closeErr := conn.Close()
	up.Wait()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s (%v, %v)", err, stderr.String(), copyErr, closeErr)
	}
	return nil
}

// TestLinesChanged: the page that counts the patches' lines is right.
func TestLinesChanged(t *testing.T) {
	page, err := os.ReadFile("../../docs/ports.md")
	if err != nil {
		t.Fatal(err)
	}
	patches, err := filepath.Glob("*/tls.patch")
	if err != nil || len(patches) == 0 {
		t.Fatalf("found no patch: %v", err)
	}
	for _, name := range patches {
		patch, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(string(patch)) {
			if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++") {
				lines++
			}
		}
		program := filepath.Dir(name)
		row := regexp.MustCompile(`(?m)^\| ` + program + ` \| \S+ \| (\d+) \|`).FindSubmatch(page)
		if row == nil || string(row[1]) != fmt.Sprint(lines) {
			t.Errorf("docs/ports.md does not say that %s takes %d lines", program, lines)
		}
	}
}
