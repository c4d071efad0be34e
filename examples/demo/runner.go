package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// runner starts programs in the demo's folder and shows what they say.
type runner struct {
	screen *screen
	dir    string
	path   []string // where to look before PATH
}

func (r *runner) prepare(ctx context.Context, args []string) (*exec.Cmd, error) {
	path := strings.Join(append(r.path[:len(r.path):len(r.path)], os.Getenv("PATH")), ":")
	name, err := lookPath(path, args[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, name, args[1:]...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "PATH="+path)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd, nil
}

func lookPath(path, name string) (string, error) {
	for dir := range strings.SplitSeq(path, ":") {
		file := dir + "/" + name
		if info, err := os.Stat(file); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// run runs one step to its end and checks its exit status and its words.
func (r *runner) run(ctx context.Context, st step) error {
	if st.needs != "" {
		if _, err := r.prepare(ctx, []string{st.needs}); err != nil {
			r.screen.skip(st.needs + " is not here: left out")
			return nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd, err := r.prepare(ctx, st.args)
	if err != nil {
		return err
	}
	shown := st.args
	if st.stdin != "" {
		shown = append([]string{"printf",
			fmt.Sprintf("'%s'", strings.Trim(fmt.Sprintf("%q", st.stdin), `"`)), "|"}, shown...)
		cmd.Stdin = strings.NewReader(st.stdin)
	}
	r.screen.command(shown)
	text, err := cmd.CombinedOutput()
	r.screen.output(string(text))

	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s did not end in 20 seconds", st.args[0])
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w", ctx.Err())
	case err != nil && !errors.As(err, &exit):
		return err
	case st.fails && err == nil:
		return fmt.Errorf("%s succeeded, and should have been refused", st.args[0])
	case !st.fails && err != nil:
		return fmt.Errorf("%s: %w", st.args[0], err)
	case !st.fails && !strings.Contains(string(text), greeting):
		return fmt.Errorf("%s did not get the server's greeting", st.args[0])
	case !strings.Contains(string(text), st.says):
		return fmt.Errorf("%s did not say %q", st.args[0], st.says)
	}
	r.screen.good(st.proves)
	return nil
}

// server is a program that listens until it is stopped.
type server struct {
	cmd    *exec.Cmd
	port   string
	stderr *bytes.Buffer
	rest   chan struct{} // closed when the rest of its output is read
}

// serve starts a server, and returns when it has said where it listens.
func (r *runner) serve(ctx context.Context, args ...string) (*server, error) {
	cmd, err := r.prepare(ctx, args)
	if err != nil {
		return nil, err
	}
	srv := &server{cmd: cmd, stderr: &bytes.Buffer{}, rest: make(chan struct{})}
	cmd.Stderr = srv.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.screen.command(append(args[:len(args):len(args)], "&"))
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	go func() {
		defer close(srv.rest)
		io.Copy(io.Discard, lines) //nolint:errcheck // ends with the process
	}()
	if err == nil {
		_, err = fmt.Sscanf(line, "listening on localhost port %s\n", &srv.port)
	}
	if err != nil {
		stopErr := srv.stop()
		r.screen.output(srv.stderr.String())
		return nil, fmt.Errorf("the server did not start: %w", errors.Join(err, stopErr))
	}
	r.screen.output(line)
	return srv, nil
}

// address is the numeric address that localhost led to.
func (s *server) address(ctx context.Context) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("localhost", s.port))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	return host, err
}

// stop ends the server as a service manager would, and says when it had ended
// on its own, or could not be ended.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.rest
	err := s.cmd.Wait()
	state, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && (state.Signaled() && state.Signal() == syscall.SIGTERM ||
		state.ExitStatus() == 128+int(syscall.SIGTERM)) {
		return nil
	}
	return fmt.Errorf("the server ended with %w: %s", errOr(err), strings.TrimSpace(s.stderr.String()))
}

func errOr(err error) error {
	if err != nil {
		return err
	}
	return errors.New("status 0")
}
