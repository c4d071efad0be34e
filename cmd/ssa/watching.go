package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/service/audit"
	"github.com/secure-socket-api/ssa/internal/service/keylog"
	"github.com/secure-socket-api/ssa/internal/service/metrics"
	"github.com/secure-socket-api/ssa/internal/service/monitor"
	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// watching is what of a worker sees what it does, and tells who may know.
type watching struct {
	registry *registry.Registry
	keyLogs  *keylog.Switch
	audit    *audit.Log // nil for none
	earlier  *service.Earlier
	metrics  chan *os.File // what metrics are served on, once it is there
	alarms   *slog.Logger
	// left is closed when this service serves no new callers: metrics are then
	// its successor's to tell.
	left chan struct{}
	once sync.Once
}

// newWatching makes it. What happens to each connection goes to log, what people
// must be told of to alarms.
func (o *daemonOptions) newWatching(log, alarms *slog.Logger) *watching {
	names := &userNames{known: map[uint32]string{}}
	w := &watching{earlier: &service.Earlier{}, metrics: make(chan *os.File, 1), alarms: alarms,
		left: make(chan struct{})}
	watched := registry.Config{
		Build: version(), Log: log, UserName: names.find, ExpiryWarning: o.expiryWarning,
		Expiring: func(c registry.Certificate) { alarms.Warn(expirySentence(&c, time.Now())) },
	}
	logs := keylog.Config{Log: alarms}
	if o.audit != "" {
		w.audit = audit.New(audit.Config{Problem: func(err error) { alarms.Error(err.Error()) }})
		watched.Audit, logs.Audit = w.audit.Refusal, w.audit.Event
	}
	w.keyLogs = keylog.New(logs)
	w.registry = registry.New(watched)
	w.registry.WatchKeyLogs(w.keyLogs.List)
	w.registry.WatchEarlier(w.earlier.There)
	return w
}

// take takes a descriptor that the monitor hands over, and reports whether it
// was for this.
func (w *watching) take(name string, file *os.File) bool {
	switch {
	case name == auditName && w.audit != nil:
		w.audit.SetFile(file)
	case name == earlierName:
		fd, err := duplicate(int(file.Fd()))
		file.Close()
		if err == nil {
			err = w.earlier.Set(fd)
		}
		if err != nil {
			w.alarms.Warn(err.Error())
		}
	case name == metricsName && len(w.metrics) == 0:
		w.metrics <- file // only here something is put in
	default:
		return false
	}
	return true
}

// serveMetrics serves metrics until ctx ends, or another service took over.
func (w *watching) serveMetrics(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-ctx.Done():
		return
	case <-w.left:
		return
	case file := <-w.metrics:
		go func() { // ends with ctx
			select {
			case <-w.left:
				cancel()
			case <-ctx.Done():
			}
		}()
		if err := metrics.Serve(ctx, file, w.registry); err != nil {
			w.alarms.Error(err.Error())
		}
	}
}

// leave says that another service has taken over, which tells of no key log of
// this one.
func (w *watching) leave() {
	w.once.Do(func() { close(w.left) })
	w.keyLogs.Close()
}

func (w *watching) close() {
	w.earlier.Close()
	w.keyLogs.Close()
	if w.audit != nil {
		w.audit.Close()
	}
}

// policy notes the policy that holds from now on.
func (w *watching) policy(rules *policy.Policy) {
	w.registry.SetCertificates(registry.CertificatesOf(rules))
}

// kept notes why a policy holds that is not the one of the files, if so.
func (w *watching) kept(p *monitor.Policy) {
	if p.Kept != nil {
		w.registry.Reloaded(p.Kept)
	}
}

// expirySentence says when a certificate ends.
func expirySentence(c *registry.Certificate, now time.Time) string {
	at := c.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	if !now.Before(c.NotAfter) {
		return fmt.Sprintf("the certificate of identity %s has expired on %s: servers that show it are refused by their clients", c.Identity, at)
	}
	return fmt.Sprintf("the certificate of identity %s expires on %s, in %s", c.Identity, at, shortTime(c.NotAfter.Sub(now)))
}

// maxUserNames bounds the names that are remembered.
const maxUserNames = 1024

// userNames remembers the names of users, which may come from the network.
type userNames struct {
	mu    sync.Mutex
	known map[uint32]string
}

func (n *userNames) find(uid uint32) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	name, known := n.known[uid]
	if known {
		return name
	}
	if found, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		name = found.Username
	}
	if len(n.known) < maxUserNames {
		n.known[uid] = name
	}
	return name
}
