//go:build linux

package tickets

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// service starts a service of its own for a machine.
func (f *farm) service(policy string) string {
	f.t.Helper()
	dir, err := os.MkdirTemp("", "ssa-tickets-") // t.TempDir's path is too long for a socket
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // for programs of other users
		f.t.Fatal(err)
	}
	ssatest.StartService(f.t, policy, filepath.Join(dir, "s"))
	return filepath.Join(dir, "s")
}

// behind starts a server that uses a service.
func (f *farm) behind(service string) *machine {
	f.t.Helper()
	m := &machine{said: &output{}}
	cmd := ssatest.Run{Service: service, Verbose: true}.Command(f.t, "python3", "-c", pythonServer)
	cmd.Stderr = m.said
	m.port = startWithPort(f.t, cmd, m.said)
	return m
}

// TestTwoServices: the service of each machine, as it is installed, gets the
// keys; and server processes that use one service read each other's tickets.
func TestTwoServices(t *testing.T) {
	f := newFarm(t)
	f.startRedis("no")
	a := f.service(f.policy(f.store(nil), ""))
	b := f.service(f.policy(f.store(map[string]string{"address": f.redis.socket, "ca": ""}), ""))
	ofA, second, ofB := f.behind(a), f.behind(a), f.behind(b)
	for _, version := range versions {
		if !f.passes(ofA, second, version) {
			t.Errorf("%s: a session does not pass between two processes that use one service", tls.VersionName(version))
		}
	}
	f.become("sessions pass between the services",
		func() bool { return f.passes(ofA, ofB, tls.VersionTLS13) }, ofA, ofB)
	for _, version := range versions {
		if !f.passes(ofA, ofB, version) || !f.passes(ofB, second, version) {
			t.Errorf("%s: a session does not pass both ways between two services", tls.VersionName(version))
		}
	}
}

// pythonClient connects, reads to the end, and is gone.
const pythonClient = `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
s.setsockopt(205, 85, b"` + name + `\0")
s.connect(("127.0.0.1", int(sys.argv[1])))
while s.recv(100): pass
`

// TestShortPrograms: programs that make one connection each resume the sessions
// of those before them, in one profile and, with shared_by: user, for one user.
func TestShortPrograms(t *testing.T) {
	f := newFarm(t)
	f.startRedis("no")
	server := f.machine(f.policy(f.store(nil), ""))
	for _, sharing := range []string{"profile", "user", "program"} {
		policy := f.write("policy.yaml", []byte(fmt.Sprintf("default:\n  trust: {roots: [%q]}\n  sessions: {shared_by: %s}\n", f.roots, sharing)))
		service := f.service(policy)
		for i := range 3 {
			f.wantShort(service, server, os.Geteuid(), i > 0, fmt.Sprintf("shared_by %s, program %d",
				sharing, i+1))
		}
		if os.Geteuid() == 0 {
			f.wantShort(service, server, 65534, sharing == "profile",
				"shared_by "+sharing+", the first program of another user")
			f.wantShort(service, server, 65534, true,
				"shared_by "+sharing+", the second program of another user")
		}
	}
}

// wantShort runs a short program as a user, and says whether it has to resume.
func (f *farm) wantShort(service string, server *machine, uid int, want bool, what string) {
	f.t.Helper()
	said := &output{}
	cmd := ssatest.Run{Service: service, Verbose: true}.Command(f.t, "python3", "-c", pythonClient,
		strconv.Itoa(server.port))
	cmd.Stdout, cmd.Stderr = said, said
	if uid != os.Geteuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
		cmd.Dir = "/"
	}
	if err := cmd.Run(); err != nil {
		f.t.Fatalf("%s: %v\n%s", what, err, said)
	}
	if resumed := strings.Contains(said.String(), ", resumed"); resumed != want {
		f.t.Errorf("%s: resumed %v, want %v\n%s", what, resumed, want, said)
	}
}
