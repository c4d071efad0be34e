package registry

import (
	"cmp"
	"crypto/tls"
	"slices"
	"time"
)

// Viewer is who looks, as the kernel says.
type Viewer struct {
	UID uint32
	// All lets the viewer see every user's connections.
	All bool
}

func (v Viewer) sees(uid uint32) bool { return v.All || v.UID == uid }

// maxConnections bounds the connections of one answer.
const maxConnections = 10000

// Snapshot returns what a viewer may see of what a query asks for.
func (r *Registry) Snapshot(v Viewer, q Query) *Status {
	s := r.look(v, q)
	slices.SortFunc(s.Programs, func(a, b ProgramTotals) int {
		return cmp.Or(cmp.Compare(b.Open, a.Open), cmp.Compare(b.Handshakes, a.Handshakes),
			cmp.Compare(a.Program.Exe, b.Program.Exe), cmp.Compare(a.Program.UID, b.Program.UID),
			cmp.Compare(a.Program.Profile, b.Program.Profile),
			cmp.Compare(a.Program.Script, b.Program.Script),
			cmp.Compare(a.Program.Cgroup, b.Program.Cgroup))
	})
	r.nameUsers(s)
	return s
}

func (r *Registry) look(v Viewer, q Query) *Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	s := &Status{
		Version: StatusVersion, Time: now.UTC(), AllUsers: v.All, Connections: []ConnectionInfo{},
		Programs: []ProgramTotals{}, Refusals: []Refusal{},
		Service: Service{Build: r.cfg.Build, Started: r.started.UTC(), Reloads: r.reloads},
	}
	s.Service.Earlier = r.earlier != nil && r.earlier()
	if !v.All {
		s.Service.Reloads.Problem = "" // it may cite what only the administrator reads
	}
	r.lookLocked(now)
	r.sumLocked(s, v)
	r.connectionsLocked(s, v, q)
	if q.ID != 0 {
		return s
	}
	s.Listeners = r.listenersLocked(v)
	for _, f := range r.refusals.last {
		if v.sees(f.Program.UID) {
			s.Refusals = append(s.Refusals, f)
		}
	}
	if v.All {
		r.administratorLocked(s, q)
	}
	return s
}

// connectionsLocked adds the newest connections that the viewer sees, the
// oldest of them first.
func (r *Registry) connectionsLocked(s *Status, v Viewer, q Query) {
	var seen []*Entry
	for _, e := range r.live {
		if v.sees(e.program.key.uid) && (q.ID == 0 || q.ID == e.id) {
			seen = append(seen, e)
		}
	}
	slices.SortFunc(seen, func(a, b *Entry) int { return cmp.Compare(a.id, b.id) })
	if limit := q.limit(); len(seen) > limit {
		s.LeftOut = len(seen) - limit
		seen = seen[s.LeftOut:]
	}
	for _, e := range seen {
		s.Connections = append(s.Connections, e.describeLocked())
	}
}

// administratorLocked adds what is not any single user's.
func (r *Registry) administratorLocked(s *Status, q Query) {
	s.Totals.Missed = r.counts.missed
	s.Service.Queues = map[string]int{}
	for _, waiting := range r.queues {
		s.Service.Queues[waiting.name] = waiting.length()
	}
	s.Certificates, s.Lists = r.certificatesLocked(), r.listsLocked()
	if r.keyLogs != nil {
		s.KeyLogs = r.keyLogs()
	}
	if q.Series {
		s.Series = []Series{
			{Step: int(fineStep / time.Second), Points: r.series.fine.list()},
			{Step: int(coarseStep / time.Second), Points: r.series.coarse.list()},
		}
	}
}

// sumLocked adds the programs that the viewer sees, and their sums.
func (r *Registry) sumLocked(s *Status, v Viewer) {
	t := &s.Totals
	listed := make(map[*programSums]int, len(r.programs))
	for _, p := range r.programs {
		if v.sees(p.key.uid) {
			listed[p] = len(s.Programs)
			s.Programs = append(s.Programs, p.totals())
		}
	}
	if v.All && !r.rest.last.IsZero() {
		s.Programs = append(s.Programs, r.rest.totals())
	}
	for _, e := range r.live {
		if i, seen := listed[e.program]; seen {
			sent, received := e.progressLocked()
			s.Programs[i].Sent += sent
			s.Programs[i].Received += received
			if t.Open++; e.state == handshake {
				t.Connecting++
			}
		}
	}
	for _, p := range s.Programs {
		t.Handshakes += p.Handshakes
		t.Resumed += p.Resumed
		t.Failed, t.Refused = sum(t.Failed, p.Failed), sum(t.Refused, p.Refused)
		t.Sent += p.Sent
		t.Received += p.Received
	}
}

func (e *Entry) describeLocked() ConnectionInfo {
	c := ConnectionInfo{
		ID: e.id, State: e.state.String(), Role: roleWord(e.role),
		Program: e.program.describe(int(e.pid)),
		Name:    e.name.Value(), Began: e.began.UTC(), Identity: e.identity.Value(),
		Active: time.Unix(e.active, 0).UTC(),
	}
	if e.peer.IsValid() {
		c.Peer = e.peer.String()
	}
	if e.state != connected {
		return c
	}
	c.Version, c.Suite, c.Resumed = tls.VersionName(e.version),
		e.registry.counts.suiteName(e.suite), e.resumed
	c.Group, c.ALPN, c.PeerIdentity = e.group.Value(), e.alpn.Value(), e.peerName.Value()
	c.Handshake = e.took.Seconds()
	c.Sent, c.Received = e.progressLocked()
	return c
}

// nameUsers fills in the names of users, without holding anybody up.
func (r *Registry) nameUsers(s *Status) {
	names := map[uint32]string{}
	name := func(p *ProgramInfo) {
		known, asked := names[p.UID]
		if !asked {
			known = r.cfg.UserName(p.UID)
			names[p.UID] = known
		}
		p.User = known
	}
	for i := range s.Connections {
		name(&s.Connections[i].Program)
	}
	for i := range s.Programs {
		name(&s.Programs[i].Program)
	}
	for i := range s.Listeners {
		name(&s.Listeners[i].Program)
	}
	for i := range s.Refusals {
		name(&s.Refusals[i].Program)
	}
}
