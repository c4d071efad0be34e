//go:build linux

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/programs"
)

const nginxConf = `daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr warn;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	ssl_session_cache shared:cache:1m;
	server {
		listen 127.0.0.1:%[2]d ssl;
		ssl_certificate %[3]s;
		ssl_certificate_key %[4]s;
		ssl_protocols %[5]s;
		location / { add_header X-Protocol "$ssl_protocol $ssl_session_reused $ssl_server_name" always; return 200 "hello from nginx\n"; }
	}
}
`

// TestNginx: our clients and nginx, TLS 1.2 and 1.3, ECDSA and RSA. The second
// connection resumes the first one's session, and nginx confirms it.
func TestNginx(t *testing.T) {
	ssatest.Need(t, "nginx")
	for _, protocol := range []string{"TLSv1.2", "TLSv1.3"} {
		for _, rsa := range []int{0, 2048} {
			t.Run(fmt.Sprintf("%s/rsa %d", protocol, rsa), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, ssatest.Leaf{RSA: rsa})
				dir, port := t.TempDir(), ssatest.FreePort(t)
				conf := filepath.Join(dir, "nginx.conf")
				text := fmt.Sprintf(nginxConf, dir, port, w.chain, w.key, protocol)
				if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				nginx := startTool(t, port, "nginx", "-p", dir, "-c", conf, "-e", "stderr")
				p := w.client(t, "http-headers", port, "fd=2")
				got := p.Finish()
				for _, reused := range []string{".", "r"} {
					want := fmt.Sprintf("X-Protocol: %s %s %s", protocol, reused, name)
					if !slices.Contains(got, want) {
						t.Errorf("no line %q; the program printed\n%s\n%s\nnginx:\n%s", want, strings.Join(got, "\n"), p, nginx)
					}
				}
				if !slices.Contains(got, "read = 0") {
					t.Errorf("no proper end; the program printed\n%s", strings.Join(got, "\n"))
				}
			})
		}
	}
}

// TestOpenSSLServer: our clients and openssl s_server, whose page tells about
// the connection.
func TestOpenSSLServer(t *testing.T) {
	ssatest.Need(t, "openssl")
	tests := []struct {
		flag, protocol string
		rsa            int
	}{{"-tls1_2", "TLSv1.2", 0}, {"-tls1_3", "TLSv1.3", 0}, {"-tls1_2", "TLSv1.2", 2048},
		{"-tls1_3", "TLSv1.3", 2048}}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s/rsa %d", test.protocol, test.rsa), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ssatest.Leaf{RSA: test.rsa})
			port := ssatest.FreePort(t)
			startTool(t, port, "openssl", "s_server", "-accept", fmt.Sprintf("127.0.0.1:%d", port),
				test.flag, "-www",
				"-cert", w.chain, "-cert_chain", w.chain, "-key", w.key)
			p := w.client(t, "http-page", port, "fd=2")
			page := strings.Join(p.Finish(), "\n")
			for _, want := range []string{"Protocol  : " + test.protocol, "New, " + test.protocol,
				"Reused, " + test.protocol} {
				if !strings.Contains(page, want) {
					t.Errorf("openssl's page does not say %q:\n%s\n%s", want, page, p)
				}
			}
		})
	}
}

const pythonServer = `
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
l = socket.create_server(("127.0.0.1", 0))
print("@port", l.getsockname()[1], flush=True)
c = context.wrap_socket(l.accept()[0], server_side=True)
total = 0
while data := c.recv(65536):
    c.sendall(data)
    total += len(data)
raw = c.unwrap()  # answers our close_notify with its own
raw.close()
print("served", total, flush=True)
`

// TestPythonServer: our clients and Python's ssl, with a close_notify in each
// direction.
func TestPythonServer(t *testing.T) {
	ssatest.Need(t, "/usr/bin/python3")
	w := newWorld(t, ssatest.Leaf{})
	script, _ := write(t, "server.py", pythonServer)
	server := programs.Start(t, command(t, "/usr/bin/python3", script, w.chain, w.key))
	p := w.client(t, "bulk-send", server.Port(), "bytes=3000000")
	p2 := server.Finish()
	got := p.Finish()
	if !slices.Contains(p2, "served 3000000") {
		t.Errorf("Python printed %q\n%s", p2, server)
	}
	if got[0] != strings.Replace(got[2], "read: ", "wrote ", 1)[:len(got[0])] ||
		!strings.HasSuffix(got[2], "then the end") {
		t.Errorf("what came back is not what was sent:\n%s", strings.Join(got, "\n"))
	}
}
