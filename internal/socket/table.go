package socket

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/lobby"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Resolver turns host names into addresses, as net.Resolver does.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// Config is what a Table works with. NamePrograms, Profile and Denied may be left
// out.
type Config struct {
	Engine   engine.Engine
	Policy   *policy.Policy // at first: see SetPolicy
	Resolver Resolver
	Ends     endpoint.Maker // of the gate, which closes them after the table
	Log      *slog.Logger
	// NamePrograms says that the engine wants to know of programs: it is in
	// another process.
	NamePrograms bool
	// Profile asks an engine in another process which profile of the policy a
	// program has; nil: it is found out here.
	Profile func(ctx context.Context, p engine.ProgramClaim) (string, error)
	// Denied, when not nil, is told of what the policy refuses before the engine
	// is asked. It must not wait.
	Denied func(*engine.Denial)
	// Leftover, when not nil, takes over what is left at Close: see engine.RelayOptions.
	Leftover func(tcp engine.Stream, rest []byte)
}

// Table holds all sockets of one gate. Safe for concurrent use.
type Table struct {
	cfg    Config
	copies *copies
	ctx    context.Context // ends the background work
	cancel context.CancelFunc
	work   sync.WaitGroup
	relays sync.WaitGroup // of connections
	held   atomic.Int64   // PEM bytes in settings of sockets
	usage  usage
	house  *lobby.House // of clients that keep a handshake waiting
	rules  atomic.Pointer[policy.Policy]

	changed func(was, is State) // for tests: told of each change of a socket's state

	mu              sync.Mutex
	sockets         map[uint64]*Socket // by inode of the program's descriptor
	delivery        map[string]*Socket // accepted connections whose inode is not known, by address
	plainTCP        map[uint64]*Socket // connected TCP sockets with TLS options, by inode
	sweepAt         int                // number of sockets at which to sweep next
	sweepPlainTCPAt int                // the same for plainTCP
	closed          bool
}

// minSweep is how many sockets there are at least before a sweep for those
// whose descriptors were closed without being used.
const minSweep = 64

// NewTable returns an empty table. Close ends it.
func NewTable(cfg Config) *Table {
	t := &Table{cfg: cfg, copies: newCopies(),
		house: lobby.NewHouse(lobby.ForDescriptors(sys.MaxDescriptors())), sockets: map[uint64]*Socket{},
		delivery: map[string]*Socket{},
		plainTCP: map[uint64]*Socket{}, sweepAt: minSweep, sweepPlainTCPAt: minSweep}
	t.rules.Store(cfg.Policy)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.work.Go(t.sweepListeners)
	return t
}

// SetPolicy sets the policy of sockets made from now on. Those made before keep
// theirs. The gate must have been told to judge plain TCP if the policy does:
// see JudgesPlainTCP.
func (t *Table) SetPolicy(p *policy.Policy) { t.rules.Store(p) }

// Empty reports whether no descriptor can be one of ours, cheaply: calls of
// programs without TLS sockets then need no look at all.
func (t *Table) Empty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.sockets) == 0 && len(t.delivery) == 0 && len(t.copies.older) == 0
}

// Lookup returns the socket with an inode, nil when it is not known.
func (t *Table) Lookup(inode uint64) *Socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sockets[inode]
}

// Unclaimed reports whether there are accepted connections whose inode is not
// known yet, so that an unknown inode may still be ours: see Claim.
func (t *Table) Unclaimed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.delivery) > 0
}

// Claim finds the accepted connection behind an end of unknown inode. It returns
// nil when the end is not ours.
func (t *Table) Claim(end endpoint.End, inode uint64) *Socket {
	name := end.Delivery()
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.delivery[name]
	if !ok {
		return nil
	}
	delete(t.delivery, name)
	s.inode = inode
	t.sockets[inode] = s
	if s.sendSize > 0 { // of an accepted one it never changes before
		end.SetRoom(s.sendSize)
	}
	return s
}

func (t *Table) add(s *Socket) {
	t.mu.Lock()
	t.sockets[s.inode] = s
	sweep := len(t.sockets) >= t.sweepAt
	t.mu.Unlock()
	if sweep {
		t.Sweep()
	}
}

// rekey gives a socket another inode.
func (t *Table) rekey(s *Socket, inode uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sockets[s.inode] == s {
		delete(t.sockets, s.inode)
	}
	s.inode = inode
	t.sockets[inode] = s
}

func (t *Table) remove(s *Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sockets[s.inode] == s {
		delete(t.sockets, s.inode)
	}
	if t.delivery[s.deliveryName] == s {
		delete(t.delivery, s.deliveryName)
	}
	t.forgetLocked(s)
}

// Sweep forgets sockets whose descriptors are closed everywhere, which for
// sockets that are not connected shows in no event.
func (t *Table) Sweep() {
	t.mu.Lock()
	candidates := make([]*Socket, 0, len(t.sockets)+len(t.delivery))
	for name, s := range t.delivery {
		if s.endedLongAgo() {
			delete(t.delivery, name)
		}
	}
	for _, s := range t.sockets {
		candidates = append(candidates, s)
	}
	t.mu.Unlock()
	open, err := t.cfg.Ends.Existing()
	if err != nil {
		// For lack of descriptors, for one: then each is asked for by itself.
		t.cfg.Log.Debug("sweeping: " + err.Error())
	}
	for _, s := range candidates {
		// The list may miss a socket while others come and go.
		s.sweep(func(inode uint64) bool { return open[inode] || t.cfg.Ends.Exists(inode) })
	}
	t.mu.Lock()
	t.sweepAt = max(minSweep, 2*len(t.sockets))
	t.mu.Unlock()
}

// sweepInterval is how long a port may stay in use after the last descriptor
// of a listener was closed, while nobody connects and nobody asks for it.
// It is for kernels and folders that do not tell: see watchListeners.
const sweepInterval = 500 * time.Millisecond

func (t *Table) sweepListeners() {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range t.listeners() {
			if l := s.listening(); l != nil {
				l.open()
			}
		}
	}
}

func (t *Table) listeners() []*Socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*Socket
	for _, s := range t.sockets {
		if s.State() == Listening {
			all = append(all, s)
		}
	}
	return all
}
