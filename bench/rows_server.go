//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"

	"github.com/secure-socket-api/ssa/bench/measure"
	"github.com/secure-socket-api/ssa/bench/report"
)

func openConnect(resumed bool) func(context.Context, *lab) ([]contender, error) {
	return func(ctx context.Context, l *lab) ([]contender, error) {
		servers, err := l.startAll(ctx)
		if err != nil {
			return nil, err
		}
		nginx, err := l.startNginx(ctx, "tls")
		if err != nil {
			return nil, err
		}
		return contend(append(servers, nginx),
			func(ctx context.Context, s *server) (report.Sample, error) {
				return l.connects(ctx, s, resumed)
			}), nil
	}
}

// connects measures how many connections per second a server takes from 16
// clients that never rest. They share the machine with it, and a handshake costs
// a client more than a server: connections per second of the server's own
// processor time tell servers apart better.
func (l *lab) connects(ctx context.Context, s *server, resumed bool) (report.Sample, error) {
	count, clients := l.tiny(2000, 20), l.tiny(16, 2)
	// no proof is asked: less of a client's work
	args := []string{"-m", "connect", "-n", count, "-t", clients, "-l", "1024"}
	if resumed {
		args = append(args, "-r")
	}
	sample, err := l.load(ctx, s, nil, args...)
	if err != nil {
		return sample, err
	}
	n, _ := strconv.ParseFloat(count, 64)
	threads, _ := strconv.ParseFloat(clients, 64)
	// Each client's first connection has nothing to resume.
	if got := sample.Values["resumed"]; resumed && got < n-2*threads || !resumed && got > 0 {
		return sample, fmt.Errorf("%v of %v connections were resumed", got, n)
	}
	sample.Values = map[string]float64{"per_second": n / sample.Values["seconds"]}
	if used := spent(sample); used > 0 { // /proc counts in steps
		sample.Values["per_cpu_second"] = n / used
	}
	return sample, nil
}

// openBulk measures how fast connections move bytes when they move nothing else.
func openBulk(mode string, connections int) func(context.Context, *lab) ([]contender, error) {
	return func(ctx context.Context, l *lab) ([]contender, error) {
		total := int64(1 << 30)
		if l.quick {
			total = 1 << 20
		}
		length := total / int64(connections)
		servers, err := l.startAll(ctx)
		if err != nil {
			return nil, err
		}
		if mode == "get" {
			if err := l.page(length); err != nil {
				return nil, err
			}
			nginx, err := l.startNginx(ctx, "tls")
			if err != nil {
				return nil, err
			}
			servers = append(servers, nginx)
		}
		return contend(servers, func(ctx context.Context, s *server) (report.Sample, error) {
			sample, err := l.load(ctx, s, l.proof(), "-m", mode, "-t", strconv.Itoa(connections), "-l",
				strconv.FormatInt(length, 10))
			if err != nil {
				return sample, err
			}
			gigabytes := float64(length*int64(connections)) / 1e9
			sample.Values = map[string]float64{
				"GB/s":            gigabytes / sample.Values["seconds"],
				"server_cpu_s/GB": spent(sample) / gigabytes,
				"load_cpu_s/GB":   sample.CPU["load"] / gigabytes,
			}
			return sample, nil
		}), nil
	}
}

func openPing(ctx context.Context, l *lab) ([]contender, error) {
	servers, err := l.startAll(ctx)
	if err != nil {
		return nil, err
	}
	messages := []string{"-n", l.tiny(8000, 50), "-l", "64"}
	all := contend(servers, func(ctx context.Context, s *server) (report.Sample, error) {
		return cost(func() (report.Sample, error) {
			return l.pings(ctx, append(append([]string{l.path("load"), "-m", "ping"}, l.proof()...),
				messages...), s.port)
		}, s.all()...)
	})
	return append(all, contender{"hop", func(ctx context.Context) (report.Sample, error) {
		return l.pings(ctx, append([]string{l.path("load"), "-m", "hop"}, messages...), "0")
	}}), nil
}

// pings measures with five processes, one after the other, and takes the middle
// ones: which processor the scheduler wakes whom on, and so how long that takes,
// hardly changes while one runs.
func (l *lab) pings(ctx context.Context, args []string, port string) (report.Sample, error) {
	sample := report.Sample{Values: map[string]float64{}, CPU: map[string]float64{}}
	args = append(args, address, port, name)
	series := map[string][]float64{}
	for range 5 {
		values, cpu, err := l.outcome(ctx, args...)
		if err != nil {
			return sample, err
		}
		for metric, v := range values {
			series[metric] = append(series[metric], v)
		}
		sample.CPU["load"] += cpu
	}
	for metric, values := range series {
		sample.Values[metric] = report.Median(values)
	}
	return sample, nil
}

// openIdle starts a server anew for each turn: what it has taken from the
// system once, it would use again.
func openIdle(_ context.Context, l *lab) ([]contender, error) {
	var all []contender
	add := func(name string, start func(context.Context) (*server, error)) {
		all = append(all, contender{name, func(ctx context.Context) (report.Sample, error) {
			s, err := start(ctx)
			if err != nil {
				return report.Sample{}, err
			}
			sample, err := l.idle(ctx, s)
			if err != nil {
				return sample, err
			}
			return sample, l.stopServers()
		}})
	}
	for _, e := range l.engines {
		add(e.name, func(ctx context.Context) (*server, error) { return l.startUnder(ctx, e) })
	}
	add("openssl", func(ctx context.Context) (*server, error) { return l.startServer(ctx, "openssl") })
	add("nginx", func(ctx context.Context) (*server, error) { return l.startNginx(ctx, "tls") })
	for _, which := range tunnels {
		add(which, func(ctx context.Context) (*server, error) { return l.startTunnel(ctx, which) })
	}
	return all, nil
}

// idle holds connections and sees what memory that takes once all is quiet.
func (l *lab) idle(ctx context.Context, s *server) (report.Sample, error) {
	var sample report.Sample
	// One connection first: what a server loads when it is first used is not per connection.
	if _, err := l.load(ctx, s, l.proof(), "-m", "connect", "-l", "1024"); err != nil {
		return sample, err
	}
	before, err := memory(s)
	if err != nil {
		return sample, err
	}
	count := l.tiny(5000, 20)
	cmd := exec.CommandContext(ctx, l.path("load"), "-c", l.path("ca.pem"), "-m", "hold", "-n", count,
		"-l", "1024", address, s.port, name)
	quiet, err := cmd.StdinPipe()
	if err != nil {
		return sample, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return sample, err
	}
	if err := cmd.Start(); err != nil {
		return sample, err
	}
	settle := 3 * time.Second
	if l.quick {
		settle = 0
	}
	after, err := whenHeld(ctx, s, stdout, settle)
	quiet.Close()
	if waitErr := cmd.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return sample, err
	}
	n, err := strconv.ParseFloat(count, 64)
	if err != nil {
		return sample, err
	}
	tls := float64(after["tls"]-before["tls"]) / n / 1024
	program := float64(after["program"]-before["program"]) / n / 1024
	if s.name == "openssl" { // there the program is what does TLS
		tls, program = program, 0
	}
	sample.Values = map[string]float64{"tls_kib": tls, "all_kib": tls + program,
		"kernel_kib": float64(after["kernel"]-before["kernel"]) / n / 1024}
	return sample, nil
}

// whenHeld waits for the load to say that all connections are there, and a
// moment more for what a server does afterwards.
func whenHeld(ctx context.Context, s *server, stdout io.Reader,
	settle time.Duration) (map[string]int64, error) {
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("hold connections: %w", err)
	}
	var said map[string]float64
	if err := json.Unmarshal(line, &said); err != nil {
		return nil, fmt.Errorf("hold connections: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settle):
	}
	return memory(s)
}

// memory sums memory by role. The kernel's is that of the whole machine, with
// the load's sockets in it.
func memory(s *server) (map[string]int64, error) {
	kernel, err := measure.Kernel()
	if err != nil {
		return nil, err
	}
	sum := map[string]int64{"kernel": kernel}
	for _, one := range s.all() {
		tree, err := one.tree()
		if err != nil {
			return nil, err
		}
		for _, p := range tree {
			bytes, err := measure.Memory(p.PID)
			if err != nil {
				return nil, err
			}
			sum[one.role(p)] += bytes
		}
	}
	return sum, nil
}
