//go:build linux

package wrapper

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// greeter serves one client at a time; the others wait in the queue.
const greeter = `
import socket, sys
l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
l.setsockopt(205, 88, sys.argv[1].encode())
l.setsockopt(205, 89, sys.argv[2].encode())
l.bind(("127.0.0.1", 0))
l.listen(200)
print(l.getsockname()[1], flush=True)
while True:
    c = l.accept()[0]
    c.sendall(b"x")
    while c.recv(9): pass
    c.close()
`

// TestServerWithFewDescriptors: a client that has been told of its connection
// gets it, however few descriptors there are; those for whom there is none wait
// before their handshake, or are reset before it is over.
func TestServerWithFewDescriptors(t *testing.T) {
	ssatest.NeedEmbedded(t, "with the service, its descriptors count")
	ssatest.Need(t, "python3")
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	server := within(t, "ulimit -n 64", fmt.Sprintf("exec python3 -c '%s' %s %s", greeter,
		leaf.ChainFile(t), leaf.SharedKeyFile(t)))
	port := lineOf(t, server)
	// Until TLS 1.2 the server has the last word of a handshake.
	config := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost",
		MaxVersion: tls.VersionTLS12}
	var clients sync.WaitGroup
	for range 120 {
		clients.Go(func() {
			// Who is turned away comes back, and leaves the processor to others meanwhile.
			for end := time.Now().Add(time.Minute); !greeted(t, port, config) &&
				!t.Failed(); time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Error("a client was turned away for a minute")
				}
			}
		})
	}
	clients.Wait()
}

// greeted reports whether a client got in and was greeted. It fails the test if
// the client got in and was not.
func greeted(t *testing.T, port string, config *tls.Config) bool {
	c, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
	if err != nil {
		return false
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("the client at %v, whose handshake had succeeded, was dropped: %v", c.LocalAddr(), err)
	}
	return true
}

// lineOf starts a command that runs until the end of the test, and returns the
// first line that it writes.
func lineOf(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server says no port: %v", err)
	}
	return strings.TrimSpace(line)
}
