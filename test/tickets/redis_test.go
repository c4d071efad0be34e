//go:build linux

package tickets

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// redis is a real Redis server.
type redis struct {
	t      *testing.T
	port   int
	conf   string
	socket string
	ca     string // who vouches for it
	cmd    *exec.Cmd
	said   *output
}

// The user has the rights that docs/sessions.md gives it.
const redisConf = `port 0
tls-port %[1]d
bind 127.0.0.1
dir %[2]s
unixsocket %[2]s/sock
unixsocketperm 777
save ""
appendonly no
tls-cert-file %[3]s
tls-key-file %[4]s
tls-ca-cert-file %[5]s
tls-auth-clients %[6]s
user default off
user ssa on >%[7]s resetkeys ~ssa:tickets:* resetchannels -@all +mget +set +select
user operator on >operator ~* +@all
`

// startRedis starts a server; auth is its tls-auth-clients.
func (f *farm) startRedis(auth string) {
	f.t.Helper()
	authority := ssatest.NewAuthority(f.t)
	issued := authority.Issue(f.t, ssatest.Leaf{Names: []string{"localhost"}})
	dir, err := os.MkdirTemp("", "ssa-redis-") // t.TempDir's path is too long for a socket
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the service is another user
		f.t.Fatal(err)
	}
	f.redis = &redis{t: f.t, port: ssatest.FreePort(f.t), conf: filepath.Join(dir, "redis.conf"),
		socket: filepath.Join(dir, "sock"), ca: authority.File(f.t)}
	text := fmt.Sprintf(redisConf, f.redis.port, dir, issued.ChainFile(f.t), issued.KeyFile(f.t),
		f.roots, auth, password)
	if err := os.WriteFile(f.redis.conf, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.redis.start()
}

func (r *redis) start() {
	r.t.Helper()
	r.said = &output{}
	r.cmd = ssatest.Kill(r.t, exec.Command("redis-server", r.conf))
	r.cmd.Stdout, r.cmd.Stderr = r.said, r.said
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(r.port))
		if err == nil {
			conn.Close()
			return
		}
	}
	r.t.Fatalf("redis-server does not listen:\n%s", r.said)
}

// kill ends the server, and all that it had is gone.
func (r *redis) kill() {
	r.t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		r.t.Fatal(err)
	}
	_ = r.cmd.Wait()
}
