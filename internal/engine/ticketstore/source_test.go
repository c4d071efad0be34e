package ticketstore

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine/session"
)

// memory is a store of a test.
type memory struct {
	mu     sync.Mutex
	down   error // what every use fails with
	values map[string][]byte
	ends   map[string]time.Time
	asked  int // connections
}

func newMemory() *memory {
	return &memory{values: map[string][]byte{}, ends: map[string]time.Time{}}
}

func (m *memory) do(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// visits returns how often the store was connected to.
func (m *memory) visits() (n int) {
	m.do(func() { n = m.asked })
	return n
}

func (m *memory) open(context.Context) (link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return m, m.down
}

func (m *memory) get(names []string) (values [][]byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if time.Now().After(m.ends[name]) {
			delete(m.values, name)
		}
		values = append(values, bytes.Clone(m.values[name]))
	}
	return values, m.down
}

func (m *memory) offer(name string, value []byte, after time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[name] == nil {
		m.values[name], m.ends[name] = bytes.Clone(value), time.Now().Add(after)
	}
	return m.down
}

func (m *memory) close(err error) error { return err }

// log collects messages.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const secret = "0123456789abcdefghijklmnopqrstuv"

// machine starts a source on a memory, as Stores does.
func machine(t *testing.T, m *memory, secret string) (*source, *log) {
	t.Helper()
	return machineFor(t, m, secret, 24*time.Hour)
}

func machineFor(t *testing.T, m *memory, secret string, retention time.Duration) (*source, *log) {
	t.Helper()
	out := &log{}
	stores := New(Config{Log: slog.New(slog.NewTextHandler(out, nil))})
	s := &source{stores: stores, name: "farm", sealer: newSealer([]byte(secret)), retention: retention,
		open: m.open, seeds: map[int64]entry{}, used: time.Now().Add(1000 * time.Hour)}
	stores.work.Go(s.run)
	t.Cleanup(stores.Close)
	return s, out
}

func epochNow() int64 { return time.Now().UnixNano() / int64(session.Epoch) }

// shares says whether two machines have the same seed of an epoch.
func shares(a, b *source, epoch int64) bool {
	ofA, okA := a.Seed(epoch)
	ofB, okB := b.Seed(epoch)
	return okA && okB && ofA == ofB
}

func TestMachinesAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a, _ := machine(t, m, secret)
		b, _ := machine(t, m, secret)
		other, _ := machine(t, m, secret+"x")
		synctest.Wait()
		for range 48 { // two days
			epoch := epochNow()
			if !shares(a, b, epoch) {
				t.Fatalf("epoch %d: two machines do not have the same seed when it begins", epoch)
			}
			if shares(a, other, epoch) {
				t.Fatalf("epoch %d: a machine with another secret has the same seed", epoch)
			}
			now, _ := a.Seed(epoch)
			if next, _ := a.Seed(epoch + 1); now == next {
				t.Fatal("two epochs have the same seed")
			}
			time.Sleep(refreshEvery)
			if !shares(a, b, epoch+1) {
				t.Fatalf("epoch %d: two machines do not have the same seed of the next epoch in time", epoch)
			}
			time.Sleep(time.Hour - refreshEvery)
		}
		// 24 hours, one before and one after, and those of the time between two visits.
		synctest.Wait()
		if n := len(a.seeds); n > 28 {
			t.Errorf("after two days it has %d seeds, want those of a day", n)
		}
		late, _ := machine(t, m, secret)
		synctest.Wait()
		for epoch := epochNow() - 23; epoch <= epochNow(); epoch++ {
			if !shares(a, late, epoch) {
				t.Errorf("a machine that comes later does not have the seed of epoch %d", epoch)
			}
		}
	})
}

// Machines make tickets that the other reads from the first exchange on,
// whatever the lifetime is and however long ago its period has begun.
func TestKeysFromTheFirst(t *testing.T) {
	for _, lifetime := range []time.Duration{time.Second, time.Hour, 24 * time.Hour,
		7 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(31*24*time.Hour + 59*time.Minute + 59*time.Second)
			m := newMemory()
			a, _ := machineFor(t, m, secret, lifetime)
			b, _ := machineFor(t, m, secret, lifetime)
			synctest.Wait()
			for hour := range 50 {
				made, _ := session.NewKeys(session.KeysConfig{}).Current("scope", lifetime, a)
				read, _ := session.NewKeys(session.KeysConfig{}).Current("scope", lifetime, b)
				if made[0] != read[0] {
					t.Fatalf("lifetime %s, hour %d: two machines make tickets of different keys", lifetime, hour)
				}
				time.Sleep(time.Hour)
			}
		})
	}
}

// While the store is down nothing waits and nothing fails; what is known stays
// known; and when it is back, even empty, machines agree again.
func TestStoreGoesAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.down = errors.New("connection refused")
		a, said := machine(t, m, secret)
		b, _ := machine(t, m, secret)
		time.Sleep(10 * time.Minute)
		if _, ok := a.Seed(epochNow()); ok {
			t.Error("a store that was never there has given a seed")
		}
		if n := m.visits(); n < 2*10 || n > 2*40 {
			t.Errorf("in ten minutes, two machines tried %d times, want about once a minute each", n)
		}
		m.do(func() { m.down = nil })
		time.Sleep(retryLast)
		if !shares(a, b, epochNow()) {
			t.Error("a minute after the store has come, the machines do not agree")
		}
		before, _ := a.Seed(epochNow())
		m.do(func() { m.down = errors.New("connection refused") })
		time.Sleep(30 * time.Minute)
		if after, ok := a.Seed(epochNow()); !ok || after != before {
			t.Error("the seed of now has gone with the store")
		}
		m.do(func() { m.down = nil; clear(m.values) })
		time.Sleep(retryLast)
		if after, ok := a.Seed(epochNow()); !ok || after != before || !shares(a, b, epochNow()) {
			t.Error("a store that was emptied has not got the seed back")
		}
		if text := said.String(); strings.Count(text, "connection refused") != 2 ||
			strings.Count(text, "can be used again") != 2 {
			t.Errorf("it should be said once each time that the store is gone, and is back:\n%s", text)
		}
	})
}

func TestSourcesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s, _ := machine(t, m, secret)
		s.stores.mu.Lock()
		s.used = time.Now()
		s.stores.sources[s.digest] = s
		s.stores.mu.Unlock()
		time.Sleep(idle + refreshEvery)
		s.stores.mu.Lock()
		left := len(s.stores.sources)
		s.stores.mu.Unlock()
		asked := m.visits()
		time.Sleep(10 * time.Hour)
		if left != 0 || m.visits() != asked {
			t.Errorf("%d stores are left an hour after the last use, and were asked %d times since", left, m.visits()-asked)
		}
	})
}

// What somebody else writes into the store is believed in nothing, and harms
// nobody but the sharing.
func TestHostileStore(t *testing.T) {
	ours := newSealer([]byte(secret))
	for name, spoil := range map[string]func(record []byte) []byte{
		"empty":             func([]byte) []byte { return []byte{} },
		"short":             func(r []byte) []byte { return r[:recordSize-1] },
		"another version":   func(r []byte) []byte { r[0] = 2; return r },
		"another random":    func(r []byte) []byte { r[20]++; return r },
		"another tag":       func(r []byte) []byte { r[recordSize-1]++; return r },
		"of another epoch":  func([]byte) []byte { return ours.make(1) },
		"of another secret": func([]byte) []byte { return newSealer([]byte("x")).make(epochNow()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.offer(ours.name(epochNow()), spoil(ours.make(epochNow())), 1000*time.Hour)
				before := maps.Clone(m.values)
				s, said := machine(t, m, secret)
				synctest.Wait()
				if _, ok := s.Seed(epochNow()); ok {
					t.Error("a seed was made of it")
				}
				if !strings.Contains(said.String(), errForeign.Error()) {
					t.Errorf("nothing is said of it:\n%s", said)
				}
				if !bytes.Equal(m.values[ours.name(epochNow())], before[ours.name(epochNow())]) {
					t.Error("it was overwritten: machines would not agree on what was there first")
				}
			})
		})
	}
}

func TestWhatIsStoredIsNotTheSeed(t *testing.T) {
	s := newSealer([]byte(secret))
	record := s.make(7)
	seed, err := s.open(7, record)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(record, seed[:]) || bytes.Contains(record, []byte(secret)) ||
		strings.Contains(s.name(7), secret) {
		t.Error("the store has the seed or the secret")
	}
	again, err := s.open(7, record)
	if err != nil || again != seed {
		t.Error("the same record gives another seed")
	}
	if other, _ := s.open(7, s.make(7)); other == seed {
		t.Error("two records of an epoch give the same seed")
	}
}
