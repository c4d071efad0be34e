//go:build linux

package main

import (
	"context"
	"slices"
	"strconv"

	"github.com/secure-socket-api/ssa/bench/report"
)

// client is one way for a program to fetch over TLS.
type client struct {
	name    string
	prefix  []string // what runs the program
	program []string // with the options that say whom to trust
	service *server
}

// clients are all ways: under ssa, with OpenSSL that loads the system's roots
// from their file as the usual ones do, and with OpenSSL at its best.
func (l *lab) clients(ctx context.Context) ([]client, error) {
	var all []client
	for _, e := range l.engines {
		service, err := l.startService(ctx, e)
		if err != nil {
			return nil, err
		}
		all = append(all, client{e.name, l.under(e), []string{l.path("fetch-ssa")}, service})
	}
	openssl := []string{l.path("fetch-openssl"), "-c", l.path("ca.pem"), "-b"}
	return append(all,
		client{"openssl", nil, append(openssl[:4:4], "file"), nil},
		client{"openssl folder", nil, append(openssl[:4:4], "folder"), nil}), nil
}

// from completes the command: fetch a page of length bytes count times.
func (c client) from(s *server, length, count string) []string {
	return append(c.program[:len(c.program):len(c.program)], address, s.port, name, length, count)
}

func openShort(ctx context.Context, l *lab) ([]contender, error) {
	return l.fetching(ctx, false,
		func(ctx context.Context, c client, nginx *server) (report.Sample, error) {
			times := l.tiny(150, 3)
			s, err := l.repeated(ctx, c.prefix, c.service, nginx, times, "1", c.from(nginx, "1024", "1")...)
			return each(s, times), err
		})
}

// openRuns starts ssa run each time, too, whose processor time is in the
// program's here.
func openRuns(ctx context.Context, l *lab) ([]contender, error) {
	return l.fetching(ctx, false,
		func(ctx context.Context, c client, nginx *server) (report.Sample, error) {
			times := l.tiny(100, 3)
			s, err := l.repeated(ctx, nil, c.service, nginx, times, "1",
				append(c.prefix[:len(c.prefix):len(c.prefix)], c.from(nginx, "1024", "1")...)...)
			return each(s, times), err
		})
}

func openMany(ctx context.Context, l *lab) ([]contender, error) {
	return l.fetching(ctx, true,
		func(ctx context.Context, c client, nginx *server) (report.Sample, error) {
			times := l.tiny(300, 3)
			s, err := l.repeated(ctx, c.prefix, c.service, nginx, "1", "1", c.from(nginx, "1024", times)...)
			return each(s, times), err
		})
}

// fetching starts nginx and lets every client fetch from it. A program that
// makes many connections can also have been written to keep its sessions.
func (l *lab) fetching(ctx context.Context, resume bool,
	run func(context.Context, client, *server) (report.Sample, error)) ([]contender, error) {
	nginx, err := l.startNginx(ctx, "peer")
	if err != nil {
		return nil, err
	}
	clients, err := l.clients(ctx)
	if err != nil {
		return nil, err
	}
	if resume {
		keeps := append([]string{l.path("fetch-openssl"), "-r"}, clients[len(clients)-2].program[1:]...)
		clients = append(clients, client{"openssl resuming", nil, keeps, nil})
	}
	var all []contender
	for _, c := range clients {
		all = append(all, contender{c.name,
			func(ctx context.Context) (report.Sample, error) { return run(ctx, c, nginx) }})
	}
	return all, nil
}

// each divides what a sample took by how often it was done.
func each(s report.Sample, times string) report.Sample {
	n, err := strconv.ParseFloat(times, 64)
	if err != nil || s.Values == nil {
		return s
	}
	s.Values = map[string]float64{"ms": s.Values["seconds"] / n * 1e3, "cpu_ms": spent(s) / n * 1e3}
	return s
}

// together is how many processes fetch at once in the paper's test.
var together = []string{"1", "5", "10", "20", "50", "100"}

// openPaper measures all counts in one turn. Small counts are repeated, since
// one time alone would be mostly chance.
func openPaper(ctx context.Context, l *lab) ([]contender, error) {
	return l.fetching(ctx, false,
		func(ctx context.Context, c client, nginx *server) (report.Sample, error) {
			sum := report.Sample{Values: map[string]float64{}, CPU: map[string]float64{}}
			counts := together
			if l.quick {
				counts = []string{"1", "3"}
			}
			for _, n := range counts {
				processes, err := strconv.Atoi(n)
				if err != nil {
					return sum, err
				}
				times := max(1, 40/processes)
				if l.quick {
					times = 1
				}
				s, err := l.repeated(ctx, c.prefix, c.service, nginx, strconv.Itoa(times), n,
					c.from(nginx, "1048576", "1")...)
				if err != nil {
					return sum, err
				}
				sum.Values[n] = s.Values["seconds"] / float64(times) * 1e3
				for role, seconds := range s.CPU {
					sum.CPU[role] += seconds
				}
			}
			return sum, nil
		})
}

// openClientBulk measures a program that is the client: with OpenSSL or under
// ssa, against the server with OpenSSL. The time is that of the whole process.
func openClientBulk(send bool) func(context.Context, *lab) ([]contender, error) {
	return func(ctx context.Context, l *lab) ([]contender, error) {
		peer, err := l.startServer(ctx, "openssl")
		if err != nil {
			return nil, err
		}
		peer.part = "peer"
		clients, err := l.clients(ctx)
		if err != nil {
			return nil, err
		}
		length := l.tiny(1<<30, 1<<20)
		var all []contender
		for _, c := range clients {
			if c.name == "openssl folder" {
				continue // whence the roots come makes no difference here
			}
			if send {
				c.program = slices.Insert(slices.Clone(c.program), 1, "-u")
			}
			all = append(all, contender{c.name, func(ctx context.Context) (report.Sample, error) {
				s, err := l.repeated(ctx, c.prefix, c.service, peer, "1", "1", c.from(peer, length, "1")...)
				if err != nil {
					return s, err
				}
				bytes, err := strconv.ParseFloat(length, 64)
				s.Values = map[string]float64{"GB/s": bytes / 1e9 / s.Values["seconds"],
					"client_cpu_s/GB": spent(s) / bytes * 1e9}
				return s, err
			}})
		}
		return all, nil
	}
}

func openStart(ctx context.Context, l *lab) ([]contender, error) {
	native := []contender{{"native", func(ctx context.Context) (report.Sample, error) {
		times := l.tiny(100, 3)
		s, err := l.repeated(ctx, nil, nil, nil, times, "1", "/bin/true")
		return each(s, times), err
	}}}
	for _, e := range l.engines {
		service, err := l.startService(ctx, e)
		if err != nil {
			return nil, err
		}
		native = append(native, contender{e.name, func(ctx context.Context) (report.Sample, error) {
			times := l.tiny(100, 3)
			s, err := l.repeated(ctx, nil, service, nil, times, "1", append(l.under(e), "/bin/true")...)
			return each(s, times), err
		}})
	}
	return native, nil
}

// plainCalls are the metrics of the gate's row, as calls names them.
var plainCalls = []string{"getsockopt", "setsockopt", "socket+connect+accept+close",
	"socket+close", "write+read", "getpid"}

func openGate(ctx context.Context, l *lab) ([]contender, error) {
	run := func(prefix []string, service *server) func(context.Context) (report.Sample, error) {
		servers := []*server{}
		if service != nil {
			servers = append(servers, service)
		}
		return func(ctx context.Context) (report.Sample, error) {
			return cost(func() (report.Sample, error) {
				args := append(prefix[:len(prefix):len(prefix)], l.path("calls"), l.tiny(20000, 100))
				values, cpu, err := l.outcome(ctx, args...)
				return report.Sample{Values: values, CPU: map[string]float64{"program": cpu}}, err
			}, servers...)
		}
	}
	all := []contender{{"native", run(nil, nil)}}
	for _, e := range l.engines {
		service, err := l.startService(ctx, e)
		if err != nil {
			return nil, err
		}
		all = append(all, contender{e.name, run(l.under(e), service)})
	}
	return all, nil
}
