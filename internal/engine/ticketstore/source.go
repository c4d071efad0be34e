package ticketstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine/session"
)

// How long a store is left alone when all went well, and how long after a
// failure, at first and at most; and how long an exchange with it may take. A
// seed is there for an hour before it is needed, so some failures do no harm.
const (
	refreshEvery = 10 * time.Minute
	retryFirst   = time.Second
	retryLast    = time.Minute
	exchangeTime = 10 * time.Second
)

// link is a connection to a store.
type link interface {
	// get returns values by their names, nil for those that are not there.
	get(names []string) ([][]byte, error)
	// offer puts a value under a name that has none, and does nothing when it
	// has one. It is gone after a time.
	offer(name string, value []byte, after time.Duration) error
	// close ends the connection, and returns err or, where more is known, why
	// the connection ended.
	close(err error) error
}

// entry is what is known of an epoch.
type entry struct {
	record []byte
	seed   [32]byte
}

// source is one store in use.
type source struct {
	stores    *Stores
	digest    [32]byte
	name      string // for messages
	sealer    *sealer
	retention time.Duration
	open      func(context.Context) (link, error)
	problem   string    // that has been said last, "" when all is well; run's own
	used      time.Time // last; guarded by stores.mu

	mu      sync.Mutex
	version uint64
	seeds   map[int64]entry
}

// Seed implements session.Seeds.
func (s *source) Seed(epoch int64) ([32]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.seeds[epoch]
	return known.seed, ok
}

// Version implements session.Seeds.
func (s *source) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

func (s *source) run() {
	failures := 0
	for {
		pause := refreshEvery
		if err := s.refresh(s.stores.ctx); err != nil {
			s.failed(err)
			pause = min(retryFirst<<min(failures, 10), retryLast)
			failures++
		} else {
			s.worked()
			failures = 0
		}
		// Machines that were started together must not come together.
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-s.stores.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if s.stores.retire(s) {
			return
		}
	}
}

// refresh learns what the store has, and sees to it that it has the seeds that
// are needed now, and that of the next epoch.
func (s *source) refresh(ctx context.Context) error {
	now := s.stores.cfg.Now()
	s.forget(now.Add(-s.retention).UnixNano()/int64(session.Epoch) - 1)
	ctx, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	l, err := s.open(ctx)
	if err != nil {
		return err
	}
	return l.close(s.exchange(l, now))
}

func (s *source) exchange(l link, now time.Time) error {
	current := now.UnixNano() / int64(session.Epoch)
	oldest := now.Add(-s.retention).UnixNano()/int64(session.Epoch) - 1
	missing, foreign := s.learn(l, oldest, current+1)
	if foreign != nil && !errors.Is(foreign, errForeign) {
		return foreign
	}
	// The keys of now are of epochs in which periods have begun that are not over.
	first := now.Add(-session.Period(s.retention)).UnixNano() / int64(session.Epoch)
	for _, epoch := range missing {
		if epoch < first {
			continue
		}
		// What another machine has put there meanwhile stays. What was there, and is
		// known here, comes back: the store may have been emptied.
		end := time.Unix(0, (epoch+1)*int64(session.Epoch))
		err := l.offer(s.sealer.name(epoch), s.recordOf(epoch), end.Sub(now)+s.retention+session.Epoch)
		if err != nil {
			return err
		}
	}
	if _, err := s.learn(l, first, current+1); err != nil {
		return err
	}
	if _, ok := s.Seed(current); !ok {
		return errors.New("it does not keep what is stored in it, or has something else under the same names")
	}
	return foreign
}

// learn takes over what the store has of some epochs. What is not in there any
// more still counts; what differs from what we know replaces it, so that all
// machines agree. It returns the epochs that the store has nothing of.
func (s *source) learn(l link, from, to int64) (missing []int64, err error) {
	var names []string
	for epoch := from; epoch <= to; epoch++ {
		names = append(names, s.sealer.name(epoch))
	}
	values, err := l.get(names)
	if err != nil {
		return nil, err
	}
	if len(values) != len(names) {
		return nil, fmt.Errorf("it sent %d values instead of %d", len(values), len(names))
	}
	for i, record := range values {
		epoch := from + int64(i)
		if record == nil {
			missing = append(missing, epoch)
			continue
		}
		seed, openErr := s.sealer.open(epoch, record)
		if openErr != nil {
			err = openErr
			continue
		}
		s.keep(epoch, entry{record, seed})
	}
	return missing, err
}

func (s *source) keep(epoch int64, e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, ok := s.seeds[epoch]; !ok || before.seed != e.seed {
		s.seeds[epoch] = e
		s.version++
	}
}

// recordOf returns the record to offer for an epoch.
func (s *source) recordOf(epoch int64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.seeds[epoch]; ok {
		return known.record
	}
	return s.sealer.make(epoch)
}

// forget drops what is older than any ticket that may be read.
func (s *source) forget(oldest int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.seeds, func(epoch int64, _ entry) bool { return epoch < oldest })
}

// failed says what is wrong, once.
func (s *source) failed(err error) {
	if s.stores.ctx.Err() != nil || err.Error() == s.problem {
		return
	}
	s.problem = err.Error()
	s.stores.cfg.Log.Warn(fmt.Sprintf("the ticket store %s cannot be used: %s; until it can, sessions of other machines cost a full handshake", s.name, s.problem))
}

func (s *source) worked() {
	if s.problem != "" {
		s.stores.cfg.Log.Warn(fmt.Sprintf("the ticket store %s can be used again", s.name))
	} else {
		s.stores.cfg.Log.Debug("session tickets are shared", "store", s.name, "group", s.sealer.group)
	}
	s.problem = ""
}
