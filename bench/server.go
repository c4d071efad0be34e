//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/bench/measure"
	"github.com/secure-socket-api/ssa/internal/ssatest/port"
)

// server is something that was started and runs until it is stopped.
type server struct {
	name, port string
	cmd        *exec.Cmd
	errors     *bytes.Buffer // its standard error; read when it has ended
	part       string        // role of its processes: program, tls or peer
	tls        string        // but a process that runs this file has the role tls
	behind     *server       // whom it works for: a tunnel's backend, a gate's service
}

// start starts a server in its own process group, which goes when this process
// does.
func (l *lab) start(ctx context.Context, s *server,
	args ...string) (stdout *bufio.Reader, err error) {
	s.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	s.cmd.Dir = l.dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	s.cmd.Cancel = func() error { return syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) }
	s.cmd.WaitDelay = 5 * time.Second
	s.errors = &bytes.Buffer{}
	s.cmd.Stderr = s.errors
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	l.servers = append(l.servers, s)
	return bufio.NewReader(out), nil
}

// startPrinting starts a server that prints its port.
func (l *lab) startPrinting(ctx context.Context, s *server, args ...string) error {
	out, err := l.start(ctx, s, args...)
	if err != nil {
		return err
	}
	line, err := out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s names no port: %w\n%s", s.name, err, s.end())
	}
	s.port = strings.TrimSpace(line)
	return nil
}

// startListening starts a server that listens on s.port, and waits until it does.
func (l *lab) startListening(ctx context.Context, s *server, args ...string) error {
	if _, err := l.start(ctx, s, args...); err != nil {
		return err
	}
	return s.await(ctx, func() error {
		conn, err := net.Dial("tcp", net.JoinHostPort(address, s.port))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// await waits until there returns nil, for ten seconds at most.
func (s *server) await(ctx context.Context, there func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		err := there()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w\n%s", s.name, err, s.end())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end kills a server that does not work and returns what it said.
func (s *server) end() string {
	s.kill()
	return s.errors.String()
}

func (s *server) kill() {
	if s.cmd.ProcessState == nil {
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		s.cmd.Wait()
	}
}

// stop ends a server as an administrator would. That it was still there is part
// of a measurement's truth: a server that died meanwhile is an error.
func (s *server) stop() error {
	if s.cmd.ProcessState != nil {
		return nil
	}
	if _, err := s.tree(); err != nil {
		return fmt.Errorf("%s: %w\n%s", s.name, err, s.end())
	}
	over := make(chan error, 1)
	syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM)
	go func() { over <- s.cmd.Wait() }()
	select {
	case <-over: // whatever its status: it was told to end
	case <-time.After(10 * time.Second):
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-over
	}
	return nil
}

// stopServers stops what was started last first.
func (l *lab) stopServers() error {
	var errs []error
	for i := len(l.servers) - 1; i >= 0; i-- {
		errs = append(errs, l.servers[i].stop())
	}
	l.servers = nil
	return errors.Join(errs...)
}

// tree returns the server's processes.
func (s *server) tree() ([]measure.Process, error) { return measure.Tree(s.cmd.Process.Pid) }

func (s *server) role(p measure.Process) string {
	if s.tls != "" && p.Exe == s.tls {
		return "tls"
	}
	return s.part
}

// all returns the server and whom it works for.
func (s *server) all() []*server {
	if s.behind == nil {
		return []*server{s}
	}
	return append(s.behind.all(), s)
}

// freePort returns a port for a server that cannot choose one itself.
func freePort() (string, error) {
	n, err := port.Free()
	return strconv.Itoa(n), err
}

// lookTool finds a peer's program, also where only root's PATH leads.
func lookTool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: scripts/setup-bench installs it", name)
}
