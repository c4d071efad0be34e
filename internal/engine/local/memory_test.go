package local

import "testing"

// TestMemoryIsShared: a user holds at most what is left free for others, and
// nothing is left of him in the end.
func TestMemoryIsShared(t *testing.T) {
	m := newMemory(100)
	fill := func(user uint32) (int, func()) {
		n := 0
		s, end := m.of(user)
		again, endAgain := m.of(user)
		for s.Room(1) && again.Room(1) {
			s.Hold(1)
			n++
		}
		return n, func() {
			again.Hold(-n)
			endAgain()
			end()
		}
	}
	first, endFirst := fill(1)
	second, endSecond := fill(2)
	third, endThird := fill(3)
	if first != 50-1+1 || second < 20 || third < 10 {
		t.Errorf("three users hold %d, %d and %d of 100", first, second, third)
	}
	endFirst()
	endSecond()
	endThird()
	if m.used.Load() != 0 || len(m.shares) != 0 {
		t.Errorf("%d are held in the end, of %d users", m.used.Load(), len(m.shares))
	}
}
