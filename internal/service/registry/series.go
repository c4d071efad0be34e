package registry

import (
	"crypto/tls"
	"maps"
	"time"
)

// The last hour is kept finely, the last day coarsely.
const (
	fineStep, finePoints     = 10 * time.Second, 360
	coarseStep, coarsePoints = 5 * time.Minute, 288
)

// Point is what happened in one interval of a time series.
type Point struct {
	// Time is the end of the interval.
	Time time.Time `json:"time"`
	// Open is how many connections there were then.
	Open int `json:"open"`
	// Versions and Suites count the handshakes that were done.
	Versions map[string]uint64 `json:"versions,omitempty"`
	Suites   map[string]uint64 `json:"suites,omitempty"`
	Resumed  uint64            `json:"resumed,omitempty"`
	Failed   uint64            `json:"failed,omitempty"`
	Refused  uint64            `json:"refused,omitempty"`
	Sent     int64             `json:"sent,omitempty"`
	Received int64             `json:"received,omitempty"`
}

// maxSuites bounds the names of one point. There are not so many in TLS.
const maxSuites = 32

func (p *Point) add(o *Point) {
	p.Resumed += o.Resumed
	p.Failed += o.Failed
	p.Refused += o.Refused
	p.Sent += o.Sent
	p.Received += o.Received
	p.Versions, p.Suites = sum(p.Versions, o.Versions), sum(p.Suites, o.Suites)
}

func sum(to, from map[string]uint64) map[string]uint64 {
	if to == nil {
		return maps.Clone(from)
	}
	for name, n := range from {
		to[name] += n
	}
	return to
}

// series are the two time series and the interval that runs.
type series struct {
	fine, coarse ring
	running      Point
	gathering    Point // of the coarse series
	since        time.Time
	sent, recvd  int64 // at the last tick
}

// ring keeps the last points.
type ring struct {
	points []Point
	size   int
	next   int // where the oldest is, once the ring is full
}

func (r *ring) add(p Point) {
	if len(r.points) < r.size {
		r.points = append(r.points, p)
		return
	}
	r.points[r.next] = p
	r.next = (r.next + 1) % r.size
}

// list returns the points, the oldest first. Their maps are not changed any
// more and may be shared.
func (r *ring) list() []Point {
	out := make([]Point, 0, len(r.points))
	return append(append(out, r.points[r.next:]...), r.points[:r.next]...)
}

func (s *series) init(now time.Time) {
	s.fine.size, s.coarse.size, s.since = finePoints, coarsePoints, now
}

func (s *series) done(e *Entry, suite string) {
	count(&s.running.Versions, tls.VersionName(e.version))
	count(&s.running.Suites, suite)
	if e.resumed {
		s.running.Resumed++
	}
}

func count(m *map[string]uint64, name string) {
	if *m == nil {
		*m = map[string]uint64{}
	}
	if _, known := (*m)[name]; !known && len(*m) >= maxSuites {
		name = restName
	}
	(*m)[name]++
}

func (s *series) failed()  { s.running.Failed++ }
func (s *series) refused() { s.running.Refused++ }

// tick ends an interval. Sent and received are the sums of all time.
func (s *series) tick(now time.Time, open int, sent, received int64) {
	p := s.running
	// A counter may be asked after its connection has been summed up.
	p.Sent, p.Received = max(sent-s.sent, 0), max(received-s.recvd, 0)
	p.Time, p.Open = now.UTC().Truncate(time.Second), open
	s.sent, s.recvd, s.running = sent, received, Point{}
	s.fine.add(p)
	s.gathering.add(&p)
	if now.Sub(s.since) < coarseStep {
		return
	}
	s.gathering.Time, s.gathering.Open = p.Time, open
	s.coarse.add(s.gathering)
	s.gathering, s.since = Point{}, now
}
