//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/bench/report"
)

// turn is how long one turn may take before it counts as hanging.
const turn = 3 * time.Minute

// outcome runs a program that prints one line of JSON. It returns the figures,
// and the processor time of the program and all it has waited for.
func (l *lab) outcome(ctx context.Context, args ...string) (map[string]float64, float64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, turn, fmt.Errorf("not over after %v", turn))
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = l.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, 0, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	values := map[string]float64{}
	if err := json.Unmarshal(stdout.Bytes(), &values); err != nil {
		return nil, 0, fmt.Errorf("%s printed %q: %w", strings.Join(args, " "), stdout.String(), err)
	}
	return values, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), nil
}

// load puts load on a server; the values are what the load program says.
func (l *lab) load(ctx context.Context, s *server, proof []string,
	args ...string) (report.Sample, error) {
	args = slices.Concat([]string{l.path("load")}, proof, args)
	return cost(func() (report.Sample, error) {
		values, cpu, err := l.outcome(ctx, append(args, address, s.port, name)...)
		return report.Sample{Values: values, CPU: map[string]float64{"load": cpu}}, err
	}, s.all()...)
}

// proof makes a client verify the server.
func (l *lab) proof() []string { return []string{"-c", l.path("ca.pem")} }

// repeated starts a program again and again, inside prefix if there is one. The
// processor time of the programs is what repeat says; the rest of the command's
// is what does TLS for them.
func (l *lab) repeated(ctx context.Context, prefix []string, service, peer *server,
	times, together string, program ...string) (report.Sample, error) {
	args := append(prefix[:len(prefix):len(prefix)], l.path("repeat"), times, together)
	servers := []*server{peer}
	if service != nil {
		servers = append(servers, service)
	}
	if peer == nil {
		servers = servers[1:]
	}
	return cost(func() (report.Sample, error) {
		values, cpu, err := l.outcome(ctx, append(args, program...)...)
		sample := report.Sample{Values: values, CPU: map[string]float64{"program": values["cpu"]}}
		if len(prefix) > 0 {
			sample.CPU["tls"] = max(0, cpu-values["cpu"])
		}
		return sample, err
	}, servers...)
}

// contend makes a contender of each server.
func contend(servers []*server,
	run func(context.Context, *server) (report.Sample, error)) []contender {
	var all []contender
	for _, s := range servers {
		all = append(all,
			contender{s.name, func(ctx context.Context) (report.Sample, error) { return run(ctx, s) }})
	}
	return all
}

// startAll starts the epoll server in every way: under ssa, with OpenSSL, behind
// tunnels.
func (l *lab) startAll(ctx context.Context) ([]*server, error) {
	var all []*server
	for _, e := range l.engines {
		s, err := l.startUnder(ctx, e)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	s, err := l.startServer(ctx, "openssl")
	if err != nil {
		return nil, err
	}
	all = append(all, s)
	for _, which := range tunnels {
		if s, err = l.startTunnel(ctx, which); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
