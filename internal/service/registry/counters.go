package registry

import (
	"maps"
	"slices"
	"time"
)

// Counters is what a collector of metrics takes.
type Counters struct {
	Build        string
	Started      time.Time
	Open         map[string]map[string]int // by role and profile
	Handshakes   map[HandshakeKey]uint64
	Times        map[string]Histogram   // by role
	Ends         map[string]uint64      // by reason
	Refused      map[string]uint64      // by what refused
	Missed       uint64                 // refusals by gates that were not told
	Programs     map[string]LabelCounts // by name; not more than some
	Queues       map[string]int
	Reloads      Reloads
	Certificates []Certificate
	KeyLogs      int
	Lists        []RevocationList
	// Sent and Received are of all connections.
	Sent, Received int64
}

// Counters returns all sums.
func (r *Registry) Counters() *Counters {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &Counters{
		Build: r.cfg.Build, Started: r.started,
		Open:       map[string]map[string]int{"client": {}, "server": {}},
		Handshakes: maps.Clone(r.counts.handshakes),
		Times:      map[string]Histogram{}, Ends: maps.Clone(r.counts.ends),
		Refused: maps.Clone(r.counts.refused), Missed: r.counts.missed,
		Programs: map[string]LabelCounts{}, Queues: map[string]int{}, Reloads: r.reloads,
		Certificates: r.certificatesLocked(), Lists: r.listsLocked(),
	}
	for i, h := range r.counts.times {
		h.Counts = slices.Clone(h.Counts)
		c.Times[[...]string{"client", "server"}[i]] = h
	}
	for name, label := range r.labels {
		c.Programs[name] = *label
	}
	c.Sent, c.Received = r.counts.sent, r.counts.received
	for _, e := range r.live {
		c.Open[roleWord(e.role)][e.program.key.profile]++
		sent, received := e.progressLocked()
		c.Sent, c.Received = c.Sent+sent, c.Received+received
		label := c.Programs[e.program.name]
		label.Sent, label.Received = label.Sent+sent, label.Received+received
		c.Programs[e.program.name] = label
	}
	for _, waiting := range r.queues {
		c.Queues[waiting.name] = waiting.length()
	}
	if r.keyLogs != nil {
		c.KeyLogs = len(r.keyLogs())
	}
	return c
}
