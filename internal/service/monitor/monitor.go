package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Config is what a Monitor works with.
type Config struct {
	Worker     Command
	Identifier Identifier
	Log        *slog.Logger
	Inherit    []*os.File // further descriptors of every worker, from InheritedFD on
	// Named are descriptors that every worker gets by name, opened for it, before
	// it gets the policy.
	Named []Named
	// Ready, if not nil, is called whenever a worker serves callers.
	Ready func()
	// Leaving, if not nil, is called when another service has taken over.
	Leaving func()
}

// Named is a descriptor with a name.
type Named struct {
	Name string
	Open func() (*os.File, error)
	// Lasting says that Reopen is not for this one: it is opened once for each
	// worker.
	Lasting bool
}

// How long to wait before a worker that died is replaced: the first time, at
// most, and how long one must have lived for the first time to hold again.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
	goodLife      = 30 * time.Second
)

// Monitor starts a worker, again when it dies, and serves it.
type Monitor struct {
	cfg      Config
	seal     func(data []byte) (*sys.FD, error)
	places   *places // of look-ups, of this worker and of those before
	lookTime time.Duration

	mu      sync.Mutex
	policy  []byte // the bundle in force, which has secrets
	kept    []byte // why it is not the one in the files, nil when it is
	current *worker
	served  bool // a worker has been ready
	leaving bool // callers are somebody else's now
	ending  bool
}

// New makes a monitor, which holds the bundle of a policy from now on.
func New(cfg Config, bundle []byte) *Monitor {
	return &Monitor{cfg: cfg, seal: seal, places: newPlaces(), lookTime: lookTime, policy: bundle}
}

// Run keeps a worker running until one has ended after Stop or Leaving. It is an
// error when the first one ends before it serves anybody.
func (m *Monitor) Run(ctx context.Context) error {
	pause := shortestPause
	for {
		began := time.Now()
		w, err := m.begin()
		if err == nil {
			m.attend(w)
		}
		over, why := m.over(w, err)
		if over {
			return why
		}
		if time.Since(began) > goodLife {
			pause = shortestPause
		}
		m.cfg.Log.Error(why.Error() + "; another one is started")
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, longestPause)
	}
}

// over reports whether no other worker follows one that has ended, or that could
// not be started, and why.
func (m *Monitor) over(w *worker, failed error) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = nil
	asked := m.ending || m.leaving
	switch {
	case failed != nil:
		return asked || !m.served, failed
	case asked && w.state.Success():
		return true, nil
	case asked:
		return true, fmt.Errorf("the worker has ended with %v", w.state)
	case !m.served:
		return true, fmt.Errorf("the worker has ended with %v before it served anybody", w.state)
	}
	return false, fmt.Errorf("the worker has died (%v): its connections are gone", w.state)
}

// begin starts a worker, and hands it the policy and what is named.
func (m *Monitor) begin() (*worker, error) {
	w, err := m.cfg.Worker.start(m.cfg.Inherit)
	if err != nil {
		return nil, err
	}
	if w.confined != nil {
		m.cfg.Log.Warn("the worker can read what its user can: " + w.confined.Error())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = w
	if m.ending {
		_ = w.process.Signal(unix.SIGTERM)
	}
	for i := range m.cfg.Named {
		m.sendNamedLocked(&m.cfg.Named[i])
	}
	if !m.sendPolicyLocked() {
		_ = w.process.Signal(unix.SIGKILL) // without one it serves nobody; the next may have more luck
	}
	m.sendKeptLocked()
	return w, nil
}

// gone reports whether an error says that the other side of a channel has
// ended, which is told by other means.
func gone(err error) bool { return errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) }

// sendLocked sends the worker a message without waiting: one that does not read
// must not hold the monitor up, and is ended.
func (m *Monitor) sendLocked(msg *message, fd int) {
	err := m.current.channel.trySend(msg, fd)
	if err == nil || gone(err) {
		return
	}
	m.cfg.Log.Error("the worker is killed: " + err.Error())
	_ = m.current.process.Signal(unix.SIGKILL) // it may have ended
}

// sendPolicyLocked reports whether the worker gets the policy, unless it ends.
func (m *Monitor) sendPolicyLocked() bool {
	fd, err := m.seal(m.policy)
	if err != nil {
		m.cfg.Log.Error("handing the policy over: " + err.Error())
		return false
	}
	defer fd.Close()
	m.sendLocked(&message{Kind: kindPolicy, Size: int64(len(m.policy))}, fd.Int())
	return true
}

func (m *Monitor) sendNamedLocked(n *Named) {
	file, err := n.Open()
	if err != nil {
		m.cfg.Log.Error(fmt.Sprintf("opening what is for %s: %v", n.Name, err))
		return
	}
	m.sendLocked(&message{Kind: kindFile, Text: []byte(n.Name)}, int(file.Fd()))
	file.Close()
}

// SetPolicy hands another policy to the worker, and to those after it.
func (m *Monitor) SetPolicy(bundle []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.policy)
	m.policy, m.kept = bundle, nil
	if m.current != nil {
		m.sendPolicyLocked()
	}
}

// maxWhy bounds, in bytes, what is said of a policy that is not used.
const maxWhy = 16 << 10

// KeepPolicy tells the worker, and those after it, why the policy in force
// stays while the files have another one.
func (m *Monitor) KeepPolicy(why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := []byte(why.Error())
	m.kept = text[:min(len(text), maxWhy)]
	if m.current != nil {
		m.sendKeptLocked()
	}
}

func (m *Monitor) sendKeptLocked() {
	if m.kept != nil {
		m.sendLocked(&message{Kind: kindKept, Text: m.kept}, -1)
	}
}

// Reopen opens what is named again, for logs that are rotated.
func (m *Monitor) Reopen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.cfg.Named {
		if n := &m.cfg.Named[i]; m.current != nil && !n.Lasting {
			m.sendNamedLocked(n)
		}
	}
}

// Stop asks the worker to end; a second time, to end at once.
func (m *Monitor) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ending = true
	if m.current != nil {
		_ = m.current.process.Signal(unix.SIGTERM) // it may have ended
	}
}
