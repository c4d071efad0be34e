// Package registry knows what the service does: the connections it has, what
// became of those it had, whom it refused, and which certificates end soon. It
// answers who asks with what he may see, and forgets what is over but for its
// sums. It never sees a byte of a connection, holds no key, and decides nothing.
package registry

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// Config is what a Registry needs. The zero value is usable.
type Config struct {
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Build names the version of the service.
	Build string
	// Log has a line for each beginning, end and failure of a connection; nil
	// discards them.
	Log *slog.Logger
	// Audit is told every refusal, in order, when not nil. It must not call the
	// registry back.
	Audit func(Refusal)
	// UserName finds the name of a user for who looks; "" where there is none.
	// It is called when somebody asks, never for a connection. Nil finds none.
	UserName func(uid uint32) string
	// ExpiryWarning is how long before its end a certificate is warned of,
	// DefaultExpiryWarning if zero. Expiring is told of each such certificate
	// when it becomes known and once a day, when not nil.
	ExpiryWarning time.Duration
	Expiring      func(Certificate)
}

// Registry is safe for concurrent use.
type Registry struct {
	cfg     Config
	started time.Time

	mu       sync.Mutex
	live     map[uint64]*Entry
	doubles  uint64 // connections whose number another one had
	programs map[programKey]*programSums
	labels   map[string]*LabelCounts
	rest     programSums // the sums of programs that are no longer listed
	counts   counts
	refusals refusals
	series   series
	certs    []Certificate
	// listening are the servers that are there, and listened counts all of them.
	listening map[*listening]struct{}
	listened  uint64
	keyLogs   func() []KeyLog         // nil: there are none
	lists     func() []RevocationList // likewise
	earlier   func() bool             // nil: no
	queues    []queue
	reloads   Reloads
}

// New makes an empty registry.
func New(cfg Config) *Registry {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.UserName == nil {
		cfg.UserName = func(uint32) string { return "" }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.ExpiryWarning <= 0 {
		cfg.ExpiryWarning = DefaultExpiryWarning
	}
	if cfg.Expiring == nil {
		cfg.Expiring = func(Certificate) {}
	}
	r := &Registry{cfg: cfg, started: cfg.Now(), live: map[uint64]*Entry{},
		programs: map[programKey]*programSums{}, labels: map[string]*LabelCounts{}}
	r.rest.key.exe = restName
	r.counts.init()
	r.series.init(r.started)
	return r
}

// Connection is what is known of a connection when its handshake begins.
type Connection struct {
	ID      uint64
	Role    engine.Role
	Program ProgramInfo
	// Name is whom a client asks for, "" for a server.
	Name string
	// Peer is the address of the other end.
	Peer netip.AddrPort
	// Identity names the certificate that we may show, "" for none.
	Identity string
}

// Run keeps the time series, and warns of certificates every day, until ctx
// ends.
func (r *Registry) Run(ctx context.Context) {
	ticker, daily := time.NewTicker(fineStep), time.NewTicker(24*time.Hour)
	defer ticker.Stop()
	defer daily.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.Tick()
		case <-daily.C:
			r.warnOfCertificates(func(*Certificate) bool { return true })
		}
	}
}

// Tick ends the running interval of the time series; Run calls it.
func (r *Registry) Tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	sent, received := r.lookLocked(now)
	r.series.tick(now, len(r.live), sent, received)
}

// lookLocked notes which connections have moved bytes since it was last called,
// and returns the sums of all connections, those that are over included.
func (r *Registry) lookLocked(now time.Time) (sent, received int64) {
	sent, received = r.counts.sent, r.counts.received
	for _, e := range r.live {
		s, v := e.progressLocked()
		if e.seen != s+v {
			e.seen, e.active = s+v, now.Unix()
		}
		sent, received = sent+s, received+v
	}
	return sent, received
}

// queue is something that waits, by name.
type queue struct {
	name   string
	length func() int
}

// WatchQueue shows the length of a queue from now on. The function must be
// cheap, and must not call the registry back.
func (r *Registry) WatchQueue(name string, length func() int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queues = append(r.queues, queue{name, length})
}

// WatchEarlier shows from now on whether the service of before is there still.
// The function must be cheap, and must not call the registry back.
func (r *Registry) WatchEarlier(there func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.earlier = there
}

// Reloads counts the times the policy was read again.
type Reloads struct {
	Done   uint64 `json:"done"`
	Failed uint64 `json:"failed"`
	// Last is the time of the last try, and Problem why it failed, for who sees
	// all users.
	Last    *time.Time `json:"last,omitempty"`
	Problem string     `json:"problem,omitempty"`
}

// Reloaded notes that the policy was read again, or why it could not be.
func (r *Registry) Reloaded(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now().UTC()
	r.reloads.Last, r.reloads.Problem = &now, ""
	if err != nil {
		r.reloads.Failed++
		r.reloads.Problem = clip(err.Error())
		return
	}
	r.reloads.Done++
}
