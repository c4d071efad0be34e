package main

import (
	"fmt"
	"log/slog"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/keylog"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/registry"
)

// watching is what of a worker sees what it does, and tells who may know.
type watching struct {
	registry *registry.Registry
	keyLogs  *keylog.Switch
}

// newWatching makes it. What people must be told of goes to alarms.
func newWatching(expiryWarning time.Duration, alarms *slog.Logger, audit func(registry.Refusal), event func(event, sentence string)) *watching {
	names := &userNames{known: map[uint32]string{}}
	w := &watching{keyLogs: keylog.New(keylog.Config{Log: alarms, Audit: event})}
	w.registry = registry.New(registry.Config{
		Build: version(), UserName: names.find, Audit: audit, ExpiryWarning: expiryWarning,
		Expiring: func(c registry.Certificate) { alarms.Warn(expirySentence(&c, time.Now())) },
	})
	w.registry.WatchKeyLogs(w.keyLogs.List)
	return w
}

// policy notes the policy that holds from now on.
func (w *watching) policy(rules *policy.Policy) {
	w.registry.SetCertificates(registry.CertificatesOf(rules))
}

// expirySentence says when a certificate ends.
func expirySentence(c *registry.Certificate, now time.Time) string {
	at := c.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	if !now.Before(c.NotAfter) {
		return fmt.Sprintf("the certificate of identity %s has expired on %s: servers that show it are refused by their clients", c.Identity, at)
	}
	days := int(c.NotAfter.Sub(now) / (24 * time.Hour))
	return fmt.Sprintf("the certificate of identity %s expires on %s, in %d days", c.Identity, at, days)
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
