package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/engine/ticketstore"
	"github.com/secure-socket-api/ssa/internal/gomaxprocs"
	"github.com/secure-socket-api/ssa/internal/harden"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/bundle"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/service/monitor"
	"github.com/secure-socket-api/ssa/internal/service/observer"
	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/sys"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
)

// workerName is the command that `ssa daemon` starts; it is of no use alone.
const workerName = "daemon-worker"

// workerOptions are those of the daemon, and what its monitor adds.
type workerOptions struct {
	daemonOptions
	administrator uint32
}

func daemonWorkerCommand(stderr io.Writer) *cobra.Command {
	var o workerOptions
	c := &cobra.Command{
		Use: workerName, Hidden: true, Args: cobra.NoArgs,
		Short: "The part of `ssa daemon` that has no rights, started by it",
		RunE:  func(*cobra.Command, []string) error { return o.run(stderr) },
	}
	o.flags(c.Flags())
	c.Flags().Uint32Var(&o.administrator, "administrator", 0, "the `UID` that started the service")
	return c
}

// errOrphaned ends a worker whose monitor has gone.
var errOrphaned = errors.New("the service's monitor has ended, so the worker ends too: its connections are lost")

// run is the worker: it gives its rights up before it knows any secret.
func (o *workerOptions) run(stderr io.Writer) error {
	if !isSocket(monitor.SocketFD) || !isSocket(monitor.InheritedFD) {
		return &problem{what: workerName + " is started by `ssa daemon` alone",
			hint: "start `ssa daemon`", status: statusUsage}
	}
	unix.CloseOnExec(monitor.SocketFD)
	unix.CloseOnExec(monitor.InheritedFD)
	alarms, err := o.alarms(stderr)
	if err != nil {
		return err
	}
	log := o.verboseLog(alarms)
	measures, err := harden.Process()
	if err != nil {
		return err
	}
	for _, m := range measures {
		if m.Err != nil {
			alarms.Warn("a protection of the service does not hold: " + m.String() + "; `ssa doctor` says what to do")
		}
	}
	collectLater()
	defer gomaxprocs.Start()()
	watch := o.newWatching(log, alarms)
	defer watch.close()
	keys := &sharedTokens{}
	defer keys.close()
	client, err := monitor.NewClient(sys.Own(monitor.SocketFD), func(name string, f *os.File) {
		if !watch.take(name, f) && !keys.take(name, f) {
			f.Close()
		}
	})
	if err != nil {
		return err
	}
	orphaned := make(chan struct{})
	go func() {
		defer close(orphaned)
		_ = client.Run() // that the monitor has gone is all there is to know
	}()
	defer func() {
		client.Close()
		<-orphaned
	}()
	return o.work(client, watch, keys, orphaned, log, alarms)
}

// isSocket reports whether a descriptor is a socket.
func isSocket(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK
}

// work makes the service and serves.
func (o *workerOptions) work(client *monitor.Client, watch *watching, keys *sharedTokens,
	orphaned <-chan struct{}, log, alarms *slog.Logger) error {
	received := &received{source: policySource{file: o.policy, root: "/",
		options: policy.Options{OpenKey: keys.open}}}
	first, ok := <-client.Policies()
	if !ok {
		return errOrphaned
	}
	rules, err := received.load(first)
	if err != nil {
		return err
	}
	tickets := ticketstore.New(ticketstore.Config{Log: alarms})
	defer tickets.Close()
	watch.policy(rules)
	watch.kept(first)
	received.revocations = revocation.New(revocation.Config{Log: alarms, Files: received})
	watch.registry.WatchLists(received.problems)
	received.problems() // reads them, and warns
	local := local.New(local.Config{Log: log, TicketSeeds: tickets.Seeds, Settled: returnMemory,
		KeyLog:     watch.keyLogs.Writer,
		Revocation: received.revocations})
	defer local.Close()
	received.renew = local.Renew
	s := service.New(service.Config{Engine: local, Policy: rules, Identifier: client, Log: alarms,
		Observer: observer.New(watch.registry, watch.keyLogs), Administrator: o.administrator,
		Earlier: watch.earlier})
	watch.registry.WatchQueue("handshakes", s.Waiting)
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { watch.registry.Run(ctx) })
	background.Go(func() { watch.serveMetrics(ctx) })
	background.Go(func() {
		for {
			select {
			case p, ok := <-client.Policies():
				if !ok {
					return
				}
				received.again(p, s, watch)
			case <-ctx.Done():
				return
			}
		}
	})
	err = o.serve(s, sys.Own(monitor.InheritedFD), client, watch, orphaned)
	cancel()
	background.Wait()
	return err
}

// received loads policies that the monitor has read, and has the revocation
// lists that they name: it is an fs.FS of these.
type received struct {
	source policySource
	lists  atomic.Pointer[bundle.Bundle]
	// paths are those of the lists that the latest policy names.
	paths       atomic.Pointer[[]string]
	revocations *revocation.Checker
	renew       func(*policy.Policy) // gives open listeners their new certificates
}

func (r *received) load(p *monitor.Policy) (*policy.Policy, error) {
	rules, err := r.source.from(p.Bundle).load()
	if err == nil {
		paths := readAhead(rules)
		var names []string
		for _, list := range paths {
			names = append(names, fsPath(list))
		}
		slices.Sort(paths)
		paths = slices.Compact(paths)
		r.paths.Store(&paths)
		// Servers that listen keep the policy they have, and its lists.
		r.lists.Store(p.Bundle.Keep(r.lists.Load(), names...))
	}
	p.Done(err)
	return rules, err
}

// again takes over what the monitor hands over later.
func (r *received) again(p *monitor.Policy, s *service.Service, watch *watching) {
	if p.Bundle != nil {
		rules, err := r.load(p)
		if err == nil {
			r.renew(rules)
			s.SetPolicy(rules)
			watch.policy(rules)
			r.problems() // reads what is new, and warns
		}
		watch.registry.Reloaded(err)
	}
	watch.kept(p)
}

// problems says what is wrong with the revocation lists of the latest policy.
func (r *received) problems() []registry.RevocationList {
	return listProblems(r.revocations, *r.paths.Load())
}

func listProblems(c *revocation.Checker, paths []string) []registry.RevocationList {
	lists := make([]registry.RevocationList, 0, len(paths))
	for _, path := range paths {
		list := registry.RevocationList{Path: path}
		if err := c.Problem(path); err != nil {
			list.Problem = err.Error()
		}
		lists = append(lists, list)
	}
	return lists
}

// Open implements fs.FS.
func (r *received) Open(name string) (fs.File, error) { return r.lists.Load().Open(name) }

// Stat implements fs.StatFS.
func (r *received) Stat(name string) (fs.FileInfo, error) { return r.lists.Load().Stat(name) }

// serve runs the service until a signal ends it, or another service has taken
// over and nothing is left here.
func (o *workerOptions) serve(s *service.Service, listener *sys.FD, client *monitor.Client,
	watch *watching, orphaned <-chan struct{}) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM)
	defer signal.Stop(signals)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	if err := client.Ready(); err != nil {
		return err
	}
	var failure error
	for ending := false; !ending; {
		select {
		case <-signals:
			ending = true
		case <-orphaned:
			return errOrphaned
		case <-s.Left():
			ending = true
			_ = client.Leaving() // it may be that nothing was left before it could be told
		case failure = <-served:
			served = nil
			if ending = failure != nil; !ending {
				watch.leave()
				_ = client.Leaving() // without the monitor this ends anyway
			}
		}
	}
	cancel()
	s.Leave()
	grace, stop := context.WithTimeout(context.Background(), o.grace)
	defer stop()
	go func() { // a second signal ends the waiting
		select {
		case <-signals:
			stop()
		case <-orphaned:
			stop()
		case <-grace.Done():
		}
	}()
	s.Drain(grace)
	return failure
}
