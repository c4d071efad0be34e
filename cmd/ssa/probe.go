package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/probe"
)

type probeOptions struct {
	policy, program, user, serverName string
	alpn                              []string
	timeout                           time.Duration
	json                              bool
}

func probeCommand() *cobra.Command {
	var o probeOptions
	c := &cobra.Command{
		Use:   "probe [flags] host:port",
		Short: "Say how a peer fares under the policy",
		Long: "Connect to a peer as a program would, and tell what was negotiated, what its certificates\n" +
			"are, and, when it is refused, which rule of the policy refused it and what the peer would\n" +
			"have to change. To tell that, a refused peer is connected to again and offered everything.\n" +
			"No data is sent. The exit status is 0 when the peer is accepted, 1 when not.",
		Example: "  ssa probe example.com:443\n  ssa probe --program /usr/bin/curl --alpn h2,http/1.1 example.com:443",
		Args:    needs("a peer, host:port", 1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
			defer stop()
			return o.run(ctx, args[0], c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&o.policy, "policy", "", "read the policy from `FILE` alone, not from /etc/ssa")
	c.Flags().StringVar(&o.program, "program", "", "under the policy of the program at `PATH`, not the default")
	c.Flags().StringVar(&o.user, "user", "", "as if `USER` had started the program")
	c.Flags().StringVar(&o.serverName, "servername", "", "ask for `NAME` and verify it, not the host")
	c.Flags().StringSliceVar(&o.alpn, "alpn", nil, "offer these `PROTOCOLS`, best first")
	c.Flags().DurationVar(&o.timeout, "timeout", 10*time.Second, "give up a connection or a handshake after `TIME`")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func (o *probeOptions) run(ctx context.Context, peer string, out io.Writer) error {
	rules, err := (&runOptions{policy: o.policy}).loadPolicy()
	if err != nil {
		return err
	}
	host, port, err := splitPeer(peer)
	if err != nil {
		return err
	}
	if o.timeout <= 0 {
		return &problem{what: "--timeout must be above zero", hint: "for example --timeout 10s",
			status: statusUsage}
	}
	effective, err := o.effective(rules)
	if err != nil {
		return err
	}
	name := host
	if o.serverName != "" {
		name = o.serverName
	}
	report, err := probe.Run(ctx, probe.Config{
		Policy: effective, Name: name, Port: port, ALPN: o.alpn, Timeout: o.timeout,
		Dial: (&dialer{effective, host, strings.ToLower(strings.TrimSuffix(name, ".")), port,
			o.timeout}).dial,
	})
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case err != nil:
		return &problem{what: fmt.Sprintf("no connection to %s: %s", printable(peer),
			oneLine(err)), status: 1}
	}
	return o.show(report, out)
}

func (o *probeOptions) show(report *probe.Report, out io.Writer) (err error) {
	if o.json {
		err = printJSON(out, report)
	} else {
		var b strings.Builder
		printReport(&b, report, painter(out))
		_, err = io.WriteString(out, b.String())
	}
	if err == nil && !report.Accepted {
		return exitStatus(1)
	}
	return err
}

// effective finds what holds for the program, or for any.
func (o *probeOptions) effective(rules *policy.Policy) (*policy.Effective, error) {
	if o.program == "" {
		if o.user != "" {
			return nil, &problem{what: "--user needs --program", status: statusUsage}
		}
		return rules.Default(), nil
	}
	program, err := identify(o.program, nil, o.user)
	if err != nil {
		return nil, err
	}
	return rules.For(program.Program), nil
}

func refusedPeer(host string, port uint16, why string) error {
	return &problem{what: fmt.Sprintf("the policy does not let programs talk to %s: %s",
		printable(net.JoinHostPort(host, strconv.Itoa(int(port)))), printable(why)), status: 1}
}

// dialer connects to a host, if the policy lets a program talk to the name that
// the peer has to prove, at that address.
type dialer struct {
	policy  *policy.Effective
	host    string
	name    string
	port    uint16
	timeout time.Duration
}

func (d *dialer) dial(ctx context.Context) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", d.host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, addr := range addrs {
		addr = addr.Unmap()
		if ok, why := judgeDestination(d.policy, d.name, addr, d.port); !ok {
			errs = append(errs, refusedPeer(d.name, d.port, why))
			continue
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", netip.AddrPortFrom(addr, d.port).String())
		if err == nil {
			return conn.(*net.TCPConn), nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
