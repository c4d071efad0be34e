// Command demo tells the project's story on a terminal: a C server and C
// clients without a TLS library, talking TLS to each other and to curl and
// openssl. Everything it claims it has just checked; it exits non-zero when
// anything was not as it should be. It uses nothing outside the machine and
// leaves nothing behind.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	s := newScreen(os.Stdout)
	err := demo(ctx, s)
	cancel()
	stop()
	if err != nil {
		s.bad(err)
		os.Exit(1)
	}
	s.title("All of it was as it should be.")
}

const policy = `default:
  trust:
    roots: [ca.pem]   # this authority alone, not the system's
`

// demo tells the story in a folder of its own, where the commands shown work
// as they are.
func demo(ctx context.Context, s *screen) (err error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return err
	}
	for _, name := range []string{"ssa", "examples/server", "examples/client",
		"examples/client-hostname"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return fmt.Errorf("%w (run it as `make demo`)", err)
		}
	}
	dir, err := os.MkdirTemp("", "ssa-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &runner{screen: s, dir: dir,
		path: []string{bin, filepath.Join(bin, "examples"), filepath.Join(bin, "ports")}}

	s.title("The Secure Socket API: TLS by socket(2)")
	s.heading("An authority for the next hour, a certificate for localhost, and a policy")
	if err := writeFiles(dir); err != nil {
		return err
	}
	s.command([]string{"cat", "policy.yaml"})
	s.output(policy)

	s.heading("A server in C: socket(..., IPPROTO_TLS), and no TLS library")
	server, err := r.serve(ctx, "ssa", "run", "--policy", "policy.yaml", "--", "server", "localhost",
		"0", "chain.pem", "key.pem")
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := server.stop(); err == nil {
			err = stopErr
		}
	}()
	address, err := server.address(ctx)
	if err != nil {
		return err
	}
	for _, st := range story(server.port, address) {
		s.heading(st.heading)
		if err := r.run(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

// writeFiles puts into dir what the commands of the story name.
func writeFiles(dir string) error {
	if err := writeCredentials(dir, "localhost"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(policy), 0o644); err != nil {
		return err
	}
	client, err := os.ReadFile("examples/client.py")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "client.py"), client, 0o644)
}
