//go:build linux

// Package servers tests servers in each of the ways that people write them:
// processes made beforehand, threads, event loops that share a listener,
// listeners that share a port, that are inherited, that are activated, and
// connections that are passed on.
package servers

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// patience is how long any step may take before the test has failed. Nothing
// is concluded from time passing.
const patience = 20 * time.Second

// way is a way to write a server: see test/programs/servers.
type way struct {
	name string
	// alone: as many connections as there are workers are served at once.
	alone int
	// processes serve at least that many of them, and never more than most.
	processes, most int
	silent          bool // it answers with the line alone
}

var ways = []way{
	{name: "prefork", alone: 4, processes: 4, most: 4},
	{name: "threads", alone: 16, processes: 1, most: 1},
	{name: "epoll-workers", alone: 16, processes: 1, most: 3},
	{name: "epoll-threads", alone: 16, processes: 1, most: 1},
	{name: "reuseport", processes: 2, most: 4},
	{name: "re-exec", alone: 1, processes: 1, most: 1},
	{name: "activation", alone: 1, processes: 1, most: 1},
	{name: "passing", alone: 4, processes: 4, most: 4},
	{name: "inetd", alone: 16, silent: true},
}

func TestServers(t *testing.T) {
	ssatest.Need(t, "gcc")
	program := build(t)
	authority := ssatest.NewAuthority(t)
	issued := authority.Issue(t, ssatest.Leaf{Names: []string{"localhost"}})
	chain, key := issued.ChainFile(t), issued.SharedKeyFile(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, ssatest.Run{Verbose: true}.Command(t, program, w.name, chain, key))
			c := &crowd{way: w, address: s.address,
				config: &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"},
				pids:   map[int]bool{}}
			c.together(t)
			c.oneByOne(t)
			if n := len(c.pids); !w.silent && (n < w.processes || n > w.most) {
				t.Errorf("%d processes served, wanted %d to %d", n, w.processes, w.most)
			}
			s.stop(t)
		})
	}
}

func build(t *testing.T) string {
	t.Helper()
	return ssatest.Artifact(t, "servers", func(out string) error {
		sources, err := filepath.Glob("../programs/servers/*.c")
		if err != nil || len(sources) == 0 {
			return fmt.Errorf("find the sources: %v", err)
		}
		args := append([]string{"-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-I../../include",
			"-o", out}, sources...)
		if text, err := exec.Command("gcc", append(args, "-lpthread")...).CombinedOutput(); err != nil {
			return fmt.Errorf("compile: %w\n%s", err, text)
		}
		return nil
	})
}

// server is a server at work.
type server struct {
	cmd     *exec.Cmd
	stderr  bytes.Buffer // read when it has ended
	address string
}

func start(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{cmd: cmd}
	cmd.Stderr = &s.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	fields := strings.Fields(line)
	if err != nil || len(fields) != 5 {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the server said %q, %v\n%s", line, err, s.stderr.String())
	}
	s.address = net.JoinHostPort("127.0.0.1", fields[4])
	return s
}

// stop ends the server, and makes sure that it ends with all that it started.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
	err := s.cmd.Wait()
	if !timer.Stop() {
		t.Errorf("the server did not end at SIGTERM")
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGTERM) &&
		exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the server ended with %v", err)
	}
	if conn, err := net.Dial("tcp", s.address); err == nil {
		conn.Close()
		t.Error("somebody still listens there")
	}
	if t.Failed() {
		t.Logf("standard error:\n%s", s.stderr.String())
	}
}

// crowd is the clients of a server.
type crowd struct {
	way     way
	address string
	config  *tls.Config

	mu   sync.Mutex
	pids map[int]bool // who has answered
}

// client is one connection.
type client struct {
	crowd  *crowd
	conn   *tls.Conn
	reader *bufio.Reader
}

func (c *crowd) dial() (*client, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", c.address, c.config)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &client{crowd: c, conn: conn, reader: bufio.NewReader(conn)}, nil
}

// ask says a line and checks the answer.
func (c *client) ask(line string) error {
	if _, err := fmt.Fprintln(c.conn, line); err != nil {
		return err
	}
	answer, err := c.reader.ReadString('\n')
	if err != nil {
		return fmt.Errorf("waiting for the answer to %q: %w", line, err)
	}
	want := line + "\n"
	pid := 0
	if !c.crowd.way.silent {
		pidText, rest, _ := strings.Cut(answer, " ")
		if pid, err = strconv.Atoi(pidText); err != nil {
			return fmt.Errorf("got %q", answer)
		}
		answer, want = rest, fmt.Sprintf("%s localhost 304 %s\n", c.conn.LocalAddr(), line)
	}
	if answer != want {
		return fmt.Errorf("got %q, wanted %q", answer, want)
	}
	c.crowd.mu.Lock()
	c.crowd.pids[pid] = true
	c.crowd.mu.Unlock()
	return nil
}

// end ends the connection and waits until the server has ended it as well.
func (c *client) end() error {
	defer c.conn.Close()
	if err := c.conn.CloseWrite(); err != nil {
		return err
	}
	if text, err := io.ReadAll(c.reader); err != nil || len(text) > 0 {
		return fmt.Errorf("at the end: %q, %v", text, err)
	}
	return nil
}

// together has several connections open at once.
func (c *crowd) together(t *testing.T) {
	t.Helper()
	var clients []*client
	for i := range c.way.alone {
		one, err := c.dial()
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		clients = append(clients, one)
		if err := one.ask("first"); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	for i, one := range clients {
		if err := errors.Join(one.ask("second"), one.end()); err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
	}
}

// oneByOne has several clients, each with one connection after the other.
func (c *crowd) oneByOne(t *testing.T) {
	t.Helper()
	var clients sync.WaitGroup
	for i := range 6 {
		clients.Go(func() {
			for j := range 15 {
				one, err := c.dial()
				if err == nil {
					err = errors.Join(one.ask("hello"), one.ask(fmt.Sprint(i, j)), one.end())
				}
				if err != nil {
					t.Errorf("client %d, connection %d: %v", i, j, err)
					return
				}
			}
		})
	}
	clients.Wait()
}
