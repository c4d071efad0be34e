package relay

// Memory says how much may be in hand for those who do not take it. Relays of
// one user share one. Implementations are safe for concurrent use, and cheap.
type Memory interface {
	// Room reports whether n more bytes may be held.
	Room(n int) bool
	// Hold notes that n bytes are held, or given back if it is negative.
	Hold(n int)
}

// stalls are the bytes that one direction holds because the other side does not
// take them. Only who waits is counted: bytes that flow cost nothing here.
// Before more is read there must be room; without, only what will be taken at
// once is read, or next to nothing, so that everyone goes on.
type stalls struct {
	memory Memory // nil: without limit
	held   int
}

// wait notes that what is in hand is not taken now.
func (s *stalls) wait(p []byte) {
	if s.memory == nil || s.held > 0 {
		return
	}
	switch {
	case len(p) <= tinySize:
		s.held = tinySize
	case len(p) <= smallSize:
		s.held = smallSize
	default:
		s.held = largeSize
	}
	s.memory.Hold(s.held)
}

// over notes that it has been taken.
func (s *stalls) over() {
	if s.held > 0 {
		s.memory.Hold(-s.held)
		s.held = 0
	}
}

// room reports whether a buffer of this size may be filled.
func (s *stalls) room(size int) bool { return s.memory == nil || s.memory.Room(size) }
