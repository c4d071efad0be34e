package session

import (
	"sync"
	"testing"
	"time"
)

// seeds are those of a test, changed by hand.
type seeds struct {
	mu      sync.Mutex
	version uint64
	known   map[int64][32]byte
}

func (s *seeds) Seed(epoch int64) ([32]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seed, ok := s.known[epoch]
	return seed, ok
}

func (s *seeds) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

func (s *seeds) set(change func(map[int64][32]byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	change(s.known)
}

// everySeed knows the epochs round a time.
func everySeed(now time.Time, secret byte) *seeds {
	s := &seeds{known: map[int64][32]byte{}}
	middle := now.UnixNano() / int64(Epoch)
	for epoch := middle - 200; epoch < middle+200; epoch++ {
		s.known[epoch] = [32]byte{secret, byte(epoch), byte(epoch >> 8)}
	}
	return s
}

// reads says whether a machine reads tickets that another makes now.
func reads(reader, maker *Keys, scope string, lifetime time.Duration, of, by Seeds) bool {
	made, _ := maker.Current(scope, lifetime, by)
	keys, _ := reader.Current(scope, lifetime, of)
	for _, key := range keys {
		if key == made[0] {
			return true
		}
	}
	return false
}

func TestMachinesReadEachOthersTickets(t *testing.T) {
	clk := newClock()
	a, b := NewKeys(KeysConfig{Now: clk.Now}), NewKeys(KeysConfig{Now: clk.Now})
	// Two machines get their own copies of the same seeds.
	ofA, ofB, others := everySeed(clk.Now(), 1), everySeed(clk.Now(), 1), everySeed(clk.Now(), 2)
	for _, lifetime := range []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour,
		7 * 24 * time.Hour} {
		scope := lifetime.String()
		if !reads(b, a, scope, lifetime, ofB, ofA) || !reads(a, b, scope, lifetime, ofA, ofB) {
			t.Errorf("lifetime %s: machines with the same seeds do not read each other's tickets", lifetime)
		}
		if reads(b, a, scope, lifetime, others, ofA) {
			t.Errorf("lifetime %s: machines with other seeds read each other's tickets", lifetime)
		}
		if reads(b, a, scope, lifetime, nil, ofA) {
			t.Errorf("lifetime %s: a machine without seeds reads the tickets of one that has them", lifetime)
		}
	}
	keys, _ := a.Current("one", time.Hour, ofA)
	other, _ := a.Current("two", time.Hour, ofA)
	longer, _ := b.Current("one", 2*time.Hour, ofB)
	if keys[0] == other[0] || keys[0] == longer[0] {
		t.Error("two scopes, or two lifetimes, have the same key")
	}
}

// A ticket is read for at most its lifetime, and for at least three quarters of
// it, on the other machine as well.
func TestSharedKeysAge(t *testing.T) {
	const lifetime = 4 * time.Hour
	clk := newClock()
	clk.now = clk.now.Truncate(time.Hour) // the beginning of a period
	maker, reader := NewKeys(KeysConfig{Now: clk.Now}), NewKeys(KeysConfig{Now: clk.Now})
	by, of := everySeed(clk.Now(), 1), everySeed(clk.Now(), 1)
	made, generation := maker.Current("scope", lifetime, by)
	valid := func() bool {
		keys, _ := reader.Current("scope", lifetime, of)
		for _, key := range keys {
			if key == made[0] {
				return true
			}
		}
		return false
	}
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {time.Hour, true}, {lifetime - 1, true}, {lifetime, false}, {10 * lifetime, false}} {
		start := clk.Now()
		clk.add(step.after)
		if got := valid(); got != step.want {
			t.Errorf("a ticket of age %s is read: %v, want %v", step.after, got, step.want)
		}
		clk.add(start.Sub(clk.Now()))
	}
	clk.add(30 * time.Minute)
	if _, same := maker.Current("scope", lifetime, by); same != generation {
		t.Error("the keys changed before it was time")
	}
	clk.add(30 * time.Minute)
	next, other := maker.Current("scope", lifetime, by)
	if other == generation || next[0] == made[0] {
		t.Error("the keys did not change when it was time")
	}
}

func TestClocksThatDiffer(t *testing.T) {
	const lifetime = 4 * time.Hour
	slow, fast := newClock(), newClock()
	slow.now = slow.now.Truncate(time.Hour).Add(59 * time.Minute)
	fast.now = slow.now.Add(2 * time.Minute) // in the next period
	a, b := NewKeys(KeysConfig{Now: slow.Now}), NewKeys(KeysConfig{Now: fast.Now})
	ofA, ofB := everySeed(slow.Now(), 1), everySeed(slow.Now(), 1)
	if !reads(a, b, "scope", lifetime, ofA, ofB) || !reads(b, a, "scope", lifetime, ofB, ofA) {
		t.Error("machines whose clocks differ by two minutes do not read each other's tickets at the end of a period")
	}
	fast.add(5 * time.Hour)
	if reads(a, b, "scope", lifetime, ofA, ofB) || reads(b, a, "scope", lifetime, ofB, ofA) {
		t.Error("machines whose clocks differ by hours read each other's tickets")
	}
}

// Without the seed of now, tickets are of a key of the machine alone; when it
// comes, the next ones are shared, and the others are still read.
func TestSeedsThatCome(t *testing.T) {
	const lifetime = 4 * time.Hour
	clk := newClock()
	k := NewKeys(KeysConfig{Now: clk.Now})
	s := &seeds{known: map[int64][32]byte{}}
	alone, first := k.Current("scope", lifetime, s)
	if len(alone) != 1 {
		t.Fatalf("%d keys without seeds, want 1", len(alone))
	}
	epoch := clk.Now().UnixNano() / int64(Epoch)
	s.set(func(known map[int64][32]byte) { known[epoch-1] = [32]byte{1} })
	before, second := k.Current("scope", lifetime, s)
	if len(before) != 2 || before[0] != alone[0] || second == first {
		t.Errorf("with an older seed alone: %d keys, the own one first: %v, generation changed: %v; want 2, true, true",
			len(before), before[0] == alone[0], second != first)
	}
	s.set(func(known map[int64][32]byte) { known[epoch] = [32]byte{2} })
	shared, third := k.Current("scope", lifetime, s)
	if len(shared) != 3 || shared[0] == alone[0] || shared[1] != alone[0] || third == second {
		t.Error("the seed of now does not make tickets, or the own key does not read them any more")
	}
	if back, fourth := k.Current("scope", lifetime, nil); len(back) != 1 || back[0] != alone[0] ||
		fourth == third {
		t.Error("without seeds again, the shared keys are still there")
	}
}

func TestTimeBefore1970HasNoSharedKeys(t *testing.T) {
	clk := newClock()
	clk.now = time.Unix(-100*3600, 0)
	k := NewKeys(KeysConfig{Now: clk.Now})
	if keys, _ := k.Current("scope", time.Hour, everySeed(clk.Now(), 1)); len(keys) != 1 {
		t.Errorf("%d keys, want the own one alone", len(keys))
	}
}
