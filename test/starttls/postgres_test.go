//go:build linux

package starttls

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// patience is how long the server may take to start. Nothing is concluded
// from time passing, other than that the test has failed.
const patience = 60 * time.Second

// postgresPrograms finds the folder with PostgreSQL's server.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian has it
	if err == nil && len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	ssatest.Need(t, "initdb", "postgres")
	path, err := exec.LookPath("initdb")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(path)
}

// postgres starts a server that only talks TLS over TCP, and returns its port,
// 0 to root: PostgreSQL does not run as root, and neither does the second run
// of these tests.
func postgres(t *testing.T, issued *ssatest.Issued) (port int) {
	t.Helper()
	programs := postgresPrograms(t)
	if os.Getuid() == 0 {
		return 0
	}
	data := filepath.Join(t.TempDir(), "data")
	ssatest.Output(t, exec.Command(filepath.Join(programs, "initdb"), "-D", data, "-U", "tester",
		"-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = free.Addr().(*net.TCPAddr).Port
	free.Close()
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"),
		[]byte("hostssl all all 127.0.0.1/32 trust\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-D", data, "-p", fmt.Sprint(port)}
	for _, setting := range []string{"ssl=on", "ssl_cert_file=" + issued.ChainFile(t),
		"ssl_key_file=" + issued.KeyFile(t),
		"ssl_min_protocol_version=TLSv1.3", "listen_addresses=127.0.0.1", "unix_socket_directories=",
		"fsync=off"} {
		args = append(args, "-c", setting)
	}
	server := ssatest.Kill(t, exec.Command(filepath.Join(programs, "postgres"), args...))
	var out bytes.Buffer
	server.Stdout, server.Stderr = &out, &out
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // fast shutdown
		_ = server.Wait()
		if t.Failed() {
			t.Logf("PostgreSQL said:\n%s", out.String())
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
			return port
		}
		if time.Now().After(deadline) {
			t.Fatalf("PostgreSQL does not listen: %v", err)
		}
	}
}
