package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/service/monitor"
	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// daemonOptions are those of `ssa daemon`, which is two processes: this one,
// the monitor, and the worker that it starts with the same options.
type daemonOptions struct {
	policy string
	socket string
	user   string
	// tokenUser is who uses tokens, "" for who starts the service.
	tokenUser string
	replace   bool
	grace     time.Duration
	verbose   bool
	// expiryWarning is how long before their end certificates are warned of.
	expiryWarning time.Duration
	metrics       string // where metrics are served, "" for nowhere
	audit         string // the file of refusals, "" for none
	logFormat     string
	// earlier is a connection to the service that this one took over from.
	earlier *sys.FD
}

func daemonCommand(stderr io.Writer) *cobra.Command {
	var o daemonOptions
	c := &cobra.Command{
		Use:   "daemon [flags]",
		Short: "Run the service that does TLS for the whole machine",
		Long: "Run the service: it holds keys and policy, and does TLS for programs under `ssa run`\n" +
			"and for those that ask it over its socket. SIGHUP reads the policy again; SIGTERM ends\n" +
			"the service, after --grace at most; SIGUSR2 starts the executable that is there by now,\n" +
			"with the same flags, which takes over, while connections go on here until they end.\n\n" +
			"It is two processes: one that reads the policy and its keys and looks at callers, with\n" +
			"the rights of who started it, and one without any rights that does all else.",
		Example: "  ssa daemon\n  ssa daemon --policy lab.yaml --socket /tmp/lab.sock -v\n  ssa daemon --replace",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Flags(), stderr) },
	}
	o.flags(c.Flags())
	return c
}

func (o *daemonOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.policy, "policy", "", "read the policy from `FILE` alone, not from /etc/ssa")
	f.StringVar(&o.socket, "socket", wire.DefaultPath, "where to listen")
	f.StringVar(&o.user, "user", "", "started by root, do TLS as this `USER` (ssa when there is one, else nobody)")
	f.StringVar(&o.tokenUser, "token-user", "", "started by root, use tokens (PKCS #11) as this `USER`, who can read their PINs, not as root")
	f.BoolVar(&o.replace, "replace", false, "take the socket of a running service over; that one ends when its\nconnections have ended")
	f.DurationVar(&o.grace, "grace", 5*time.Second, "how long connections may go on after SIGTERM")
	f.DurationVar(&o.expiryWarning, "expiry-warning", registry.DefaultExpiryWarning, "warn of certificates of servers this long before they expire, every day")
	f.StringVar(&o.logFormat, "log-format", logAuto, "how to log: `FORMAT` is text, json, journal (fields such as TLS_ID), or auto: the journal\nwhere standard error goes there")
	f.StringVar(&o.metrics, "metrics", "", "serve metrics for Prometheus at this `ADDRESS`: unix:/run/ssa/metrics.sock, or of loopback\nsuch as 127.0.0.1:9205")
	f.StringVar(&o.audit, "audit", "", "append what is refused to this `FILE`, as lines of JSON")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log to standard error what happens to each connection")
}

// check finds values that mean nothing.
func (o *daemonOptions) check() error {
	for name, d := range map[string]time.Duration{"grace": o.grace,
		"expiry-warning": o.expiryWarning} {
		if d < 0 {
			return &problem{what: fmt.Sprintf("--%s is %v, and must not be below zero", name, d),
				status: statusUsage}
		}
	}
	return nil
}

// run is the monitor.
func (o *daemonOptions) run(given *pflag.FlagSet, stderr io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	alarms, err := o.alarms(stderr)
	if err != nil {
		return err
	}
	keepDescriptors(alarms)
	if err := raiseLimits(); err != nil {
		alarms.Warn(err.Error())
	}
	protectMonitor(alarms) // before it reads a key
	as, err := o.tokenCredential()
	if err != nil {
		return err
	}
	keys := &tokens{log: alarms, share: true, as: as}
	defer keys.close()
	source := &bundler{source: policySource{file: o.policy, root: "/",
		options: policy.Options{OpenKey: keys.open}}}
	loaded := source.source.state()
	rules, err := source.load()
	if err != nil {
		return &problem{what: "the policy cannot be used:\n" + err.Error(), hint: "nothing was started; correct the file first", status: statusUsage}
	}
	for _, w := range rules.Warnings() {
		alarms.Warn(w.String())
	}
	programs, err := program.New(program.Config{Host: true, Hold: true})
	if err != nil {
		return err
	}
	defer programs.Close()
	programs.SetPolicy(rules)
	credential, err := o.credential(alarms)
	if err != nil {
		return err
	}
	listener, err := o.listen()
	if err != nil {
		return err
	}
	defer o.earlier.Close()
	place := boundTo(listener)
	socket := os.NewFile(uintptr(listener.Disown()), place)
	defer socket.Close()
	named, closeNamed, err := o.named()
	if err != nil {
		return err
	}
	defer closeNamed()
	next := newSuccessor(given, stderr, alarms)
	m := monitor.New(monitor.Config{
		Worker: workerCommand(given, credential), Identifier: programs, Log: alarms,
		Inherit: append([]*os.File{socket}, workerFiles...), Named: append(named, keys.named()...),
		Ready: func() {
			tell(daemon.SdNotifyReady)
			alarms.Info("the service is ready at " + place)
		},
		Leaving: func() {
			next.tookOver()
			socket.Close()
			closeNamed()
		},
	}, source.take())
	watched := startReloader(&reloader{source: source.source, load: source.load, judged: true,
		apply: func(p *policy.Policy) {
			programs.SetPolicy(p) // first: the worker asks by the new one at once
			m.SetPolicy(source.take())
		}, keep: m.KeepPolicy, log: alarms, alarms: alarms}, loaded)
	lists := source.watchLists(watched.reloadNow)
	debug.FreeOSMemory() // from now on there is little to do here
	err = supervise(m, daemonActions{reload: watched.reloadNow, unlisten: func() { socket.Close() },
		upgrade: next.start, takenOver: next.tookOver, stopping: next.stopping})
	lists()
	return errors.Join(err, watched.close())
}

// daemonActions are what a monitor does when it is told to.
type daemonActions struct {
	reload   func()
	unlisten func() // once no more callers are to be taken on
	upgrade  func() // start the service that takes over
	// takenOver is called when a service has taken over, and stopping before
	// the end.
	takenOver, stopping func()
}

// supervise runs a monitor until its worker ends for good, and passes signals
// on.
func supervise(m *monitor.Monitor, do daemonActions) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR2)
	defer signal.Stop(signals)
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	asked := false
	for {
		select {
		case got := <-signals:
			switch got {
			case unix.SIGHUP:
				do.reload()
				m.Reopen()
			case unix.SIGUSR2:
				do.upgrade()
			default:
				asked = true
				do.stopping()
				cancel() // no other worker is started
				m.Stop()
				do.unlisten()
			}
		case err := <-ended:
			if err == nil && !asked { // a worker only ends so
				do.takenOver()
			}
			do.stopping()
			return err
		}
	}
}

// tell tells systemd, sd_notify(3); without systemd nobody is told.
func tell(state string) { _, _ = daemon.SdNotify(false, state) }
