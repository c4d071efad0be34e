//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
)

// startNginx starts a web server with its own TLS.
func (l *lab) startNginx(ctx context.Context, part string) (*server, error) {
	nginx, err := lookTool("nginx")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	conf := strings.NewReplacer("PORT", port, "DIR", l.dir, "CORES", cores(), "USER",
		nginxUser()).Replace(`
USERdaemon off;
worker_processes CORES;
pid DIR/nginx-PORT.pid;
error_log stderr warn;
events { worker_connections 8000; }
http {
	access_log off;
	sendfile on;
	default_type application/octet-stream;
	keepalive_timeout 1h;
	client_header_timeout 1h;
	client_body_temp_path DIR/nginx-PORT-body;
	proxy_temp_path DIR/nginx-PORT-proxy;
	fastcgi_temp_path DIR/nginx-PORT-fastcgi;
	uwsgi_temp_path DIR/nginx-PORT-uwsgi;
	scgi_temp_path DIR/nginx-PORT-scgi;
	server {
		listen 127.0.0.1:PORT ssl backlog=4096;
		server_name localhost;
		ssl_certificate DIR/chain.pem;
		ssl_certificate_key DIR/key.pem;
		ssl_protocols TLSv1.2 TLSv1.3;
		root DIR/www;
	}
}
`)
	file := l.path("nginx-" + port + ".conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	s := &server{name: "nginx", port: port, part: part}
	return s, l.startListening(ctx, s, nginx, "-p", l.dir, "-c", file, "-e", "stderr")
}

// nginxUser keeps the workers' rights those of this user: as root they would
// become somebody who may not read the folder.
func nginxUser() string {
	if os.Getuid() == 0 {
		return "user root;\n"
	}
	return ""
}

// hitchUser gives hitch the user that it insists on when root starts it.
func hitchUser() string {
	if os.Getuid() == 0 {
		return "user = \"nobody\"\ngroup = \"nogroup\"\n"
	}
	return ""
}

// startServer starts the epoll server by itself: make is plain or openssl.
func (l *lab) startServer(ctx context.Context, make string) (*server, error) {
	s := &server{name: make, part: "program"}
	return s, l.startPrinting(ctx, s, l.path("server-"+make), address, "0", l.path("chain.pem"),
		l.path("key.pem"))
}

// startUnder starts the epoll server under ssa.
func (l *lab) startUnder(ctx context.Context, e engine) (*server, error) {
	service, err := l.startService(ctx, e)
	if err != nil {
		return nil, err
	}
	s := &server{name: e.name, part: "program", tls: e.ssa, behind: service}
	args := append(l.under(e), l.path("server-ssa"), address, "0", l.path("chain.pem"),
		l.path("key.pem"))
	return s, l.startPrinting(ctx, s, args...)
}

// under is the beginning of a command that runs a program under ssa.
func (l *lab) under(e engine) []string {
	switch e.mode {
	case "embedded":
		return []string{e.ssa, "run", "--engine", "embedded", "--policy", l.path("policy.yaml"), "--"}
	case "service": // which has the policy
		return []string{e.ssa, "run", "--engine", "service", "--socket", l.path("ssa.sock"), "--"}
	}
	return []string{e.ssa, "run", "--policy", l.path("policy.yaml"), "--"}
}

// startService starts the service of the engines that need one, once a row.
func (l *lab) startService(ctx context.Context, e engine) (*server, error) {
	if e.mode != "service" {
		return nil, nil
	}
	for _, s := range l.servers {
		if s.name == "ssa daemon" {
			return s, nil
		}
	}
	s := &server{name: "ssa daemon", part: "tls"}
	if _, err := l.start(ctx, s, e.ssa, "daemon", "--socket", l.path("ssa.sock"), "--policy",
		l.path("policy.yaml")); err != nil {
		return nil, err
	}
	return s, s.await(ctx, func() error {
		conn, err := net.Dial("unix", l.path("ssa.sock"))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// tunnels are what can be put in front of a server that knows no TLS.
var tunnels = []string{"stunnel", "hitch", "haproxy", "go tunnel"}

// startTunnel starts a tunnel in front of an epoll server of its own.
func (l *lab) startTunnel(ctx context.Context, which string) (*server, error) {
	backend, err := l.startServer(ctx, "plain")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{name: which, port: port, part: "tls", behind: backend}
	args, err := l.tunnelCommand(which, port, backend.port)
	if err != nil {
		return nil, err
	}
	return s, l.startListening(ctx, s, args...)
}

func (l *lab) tunnelCommand(which, port, backend string) ([]string, error) {
	fill := strings.NewReplacer("PORT", port, "BACKEND", backend, "DIR", l.dir, "CORES", cores(),
		"USER", hitchUser())
	configured := func(text string) (string, error) {
		file := l.path(strings.ReplaceAll(which, " ", "-") + "-" + port + ".conf")
		return file, os.WriteFile(file, []byte(fill.Replace(text)), 0o644)
	}
	switch which {
	case "stunnel":
		tool, err := lookTool("stunnel")
		if err != nil {
			return nil, err
		}
		file, err := configured("foreground = yes\npid =\nsyslog = no\ndebug = err\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n" +
			"[bench]\naccept = 127.0.0.1:PORT\nconnect = 127.0.0.1:BACKEND\ncert = DIR/chain.pem\nkey = DIR/key.pem\n")
		return []string{tool, file}, err
	case "hitch":
		tool, err := lookTool("hitch")
		if err != nil {
			return nil, err
		}
		file, err := configured("frontend = \"[127.0.0.1]:PORT\"\nbackend = \"[127.0.0.1]:BACKEND\"\npem-file = \"DIR/both.pem\"\n" +
			"workers = CORES\nbacklog = 4096\ntls-protos = TLSv1.2 TLSv1.3\nquiet = on\nUSER")
		return []string{tool, "--config=" + file}, err
	case "haproxy":
		tool, err := lookTool("haproxy")
		if err != nil {
			return nil, err
		}
		file, err := configured("global\n\tmaxconn 8000\n\tnbthread CORES\ndefaults\n\tmode tcp\n\ttimeout connect 10s\n\ttimeout client 1h\n\ttimeout server 1h\n" +
			"listen bench\n\tbind 127.0.0.1:PORT ssl crt DIR/both.pem backlog 4096\n\tserver plain 127.0.0.1:BACKEND\n")
		return []string{tool, "-db", "-f", file}, err
	case "go tunnel":
		return []string{l.path("tunnel"), "127.0.0.1:" + port, "127.0.0.1:" + backend,
			l.path("chain.pem"), l.path("key.pem")}, nil
	}
	return nil, fmt.Errorf("no tunnel is called %s", which)
}
