package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/process"
	"github.com/secure-socket-api/ssa/internal/processors"
	"github.com/secure-socket-api/ssa/internal/registry"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/service/observer"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
	"github.com/secure-socket-api/ssa/internal/ticketstore"
)

// daemonOptions are those of `ssa daemon`.
type daemonOptions struct {
	policy  string
	socket  string
	replace bool
	grace   time.Duration
	verbose bool
}

func daemonCommand(stderr io.Writer) *cobra.Command {
	var o daemonOptions
	c := &cobra.Command{
		Use:   "daemon [flags]",
		Short: "Run the service that does TLS for the whole machine",
		Long: "Run the service: it holds keys and policy, and does TLS for programs under `ssa run`\n" +
			"and for those that ask it over its socket. SIGHUP reads the policy again; SIGTERM ends\n" +
			"the service, after --grace at most.",
		Example: "  ssa daemon\n  ssa daemon --policy lab.yaml --socket /tmp/lab.sock -v\n  ssa daemon --replace",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return o.run(stderr) },
	}
	c.Flags().StringVar(&o.policy, "policy", "", "read the policy from `FILE` alone, not from /etc/ssa")
	c.Flags().StringVar(&o.socket, "socket", wire.DefaultPath, "where to listen")
	c.Flags().BoolVar(&o.replace, "replace", false, "take the socket of a running service over; that one ends when its\nconnections have ended")
	c.Flags().DurationVar(&o.grace, "grace", 5*time.Second, "how long connections may go on after SIGTERM")
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "tell on standard error what happens to each connection")
	return c
}

func (o *daemonOptions) run(stderr io.Writer) error {
	defer processors.Start()()
	alarms := slog.New(&lineHandler{out: stderr})
	log := newLog(stderr, o.verbose)
	source := policySource{file: o.policy, root: "/"}
	loaded := source.state()
	rules, err := source.load()
	if err != nil {
		return &problem{what: "the policy cannot be used:\n" + err.Error(), hint: "nothing was started; correct the file first", status: statusUsage}
	}
	for _, w := range rules.Warnings() {
		alarms.Warn(w.String())
	}
	if err := raiseFileLimit(); err != nil {
		alarms.Warn(err.Error())
	}
	tickets := ticketstore.New(ticketstore.Config{Log: alarms})
	defer tickets.Close()
	local := engine.New(engine.Config{Log: log, TicketSeeds: tickets.Seeds})
	defer local.Close()
	watcher := registry.New(registry.Config{Build: version()})
	s := service.New(service.Config{Engine: local, Policy: rules, Looker: process.Looker{}, Log: alarms,
		Observer: observer.New(watcher, nil), Administrator: uint32(os.Geteuid())})
	listener, err := o.listen()
	if err != nil {
		return err
	}
	watched, err := startReloader(&reloader{source: source, judged: true, apply: func(p *policy.Policy) { s.SetPolicy(p) }, log: alarms, alarms: alarms}, loaded)
	if err != nil {
		listener.Close()
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var background sync.WaitGroup
	background.Go(func() { watcher.Run(ctx) })
	err = o.serve(s, listener, watched.reloadNow)
	cancel()
	background.Wait()
	return errors.Join(err, watched.close())
}

// serve runs the service until a signal ends it, or another service has taken
// over and nothing is left here.
func (o *daemonOptions) serve(s *service.Service, listener *sys.FD, reload func()) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	defer signal.Stop(signals)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	tell(daemon.SdNotifyReady)
	var failure error
	for ending := false; !ending; {
		select {
		case got := <-signals:
			if ending = got != unix.SIGHUP; !ending {
				reload()
			}
		case <-s.Left():
			ending = true
		case failure = <-served:
			served = nil
			ending = failure != nil
		}
	}
	tell(daemon.SdNotifyStopping)
	cancel()
	s.Leave()
	grace, stop := context.WithTimeout(context.Background(), o.grace)
	defer stop()
	go func() { // a second signal ends the waiting
		select {
		case <-signals:
			stop()
		case <-grace.Done():
		}
	}()
	s.Drain(grace)
	return failure
}

// tell tells systemd, sd_notify(3); without systemd nobody is told.
func tell(state string) { _, _ = daemon.SdNotify(false, state) }

// raiseFileLimit allows as many descriptors as the administrator lets this
// process have: a connection takes two.
func raiseFileLimit() error {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return err
	}
	r.Cur = r.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &r)
}
