package service

import (
	"sync"
	"time"
)

// What one user can make the service say in its log: so many lines in so much
// time. Anybody may connect and break the protocol as fast as he can.
const (
	maxComplaints  = 20
	complaintsTime = time.Minute
	// maxComplainers bounds the users remembered.
	maxComplainers = 4096
)

// complaints counts the lines that users have caused: max in a time each.
type complaints struct {
	max  int
	time time.Duration
	now  func() time.Time

	mu sync.Mutex
	by map[uint32]*complaint
}

type complaint struct {
	since  time.Time
	said   int
	unsaid uint64
}

func newComplaints(most int, d time.Duration) *complaints {
	return &complaints{max: most, time: d, now: time.Now, by: map[uint32]*complaint{}}
}

// may reports whether another line about a user may be written, and how many
// were left out before it.
func (c *complaints) may(uid uint32) (ok bool, leftOut uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	known := c.by[uid]
	if known == nil {
		if len(c.by) >= maxComplainers {
			clear(c.by)
		}
		known = &complaint{since: now}
		c.by[uid] = known
	}
	if now.Sub(known.since) >= c.time {
		known.since, known.said = now, 0
	}
	if known.said >= c.max {
		known.unsaid++
		return false, 0
	}
	known.said++
	leftOut, known.unsaid = known.unsaid, 0
	return true, leftOut
}

// add counts more that was left out before the next one of a user.
func (c *complaints) add(uid uint32, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.by[uid]; known != nil {
		known.unsaid += n
	}
}

// complain writes a line about a user into the log, unless there were many.
func (s *Service) complain(uid uint32, text string, pid int32) {
	if ok, leftOut := s.complaints.may(uid); ok {
		attributes := []any{"pid", pid, "uid", uid}
		if leftOut > 0 {
			attributes = append(attributes, "left_out", leftOut)
		}
		s.cfg.Log.Warn(text, attributes...)
	}
}
