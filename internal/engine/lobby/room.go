package lobby

import (
	"container/heap"
	"container/list"
	"net/netip"
)

// room has the guests of one stage, by network, the fullest first.
type room struct {
	count int
	lines map[netip.Prefix]*line
	full  lines
}

// line has the guests of one network, the oldest first.
type line struct {
	prefix netip.Prefix
	guests list.List // of *Guest
	index  int       // in the heap
	since  uint64    // which of two lines came first
}

// lines is a heap: the longest line first, then the oldest.
type lines []*line

func (h lines) Len() int { return len(h) }
func (h lines) Less(i, j int) bool {
	if a, b := h[i].guests.Len(), h[j].guests.Len(); a != b {
		return a > b
	}
	return h[i].since < h[j].since
}
func (h lines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *lines) Push(x any) {
	l := x.(*line)
	l.index = len(*h)
	*h = append(*h, l)
}
func (h *lines) Pop() any {
	old := *h
	l := old[len(old)-1]
	*h = old[:len(old)-1]
	return l
}

// enter puts the guest into the room of a stage; another one may have to go.
func (g *Guest) enter(stage Stage) {
	h := g.lobby.house
	h.mu.Lock()
	if g.left {
		h.mu.Unlock()
		return
	}
	g.addLocked(stage)
	goes := h.tooManyLocked(g)
	h.mu.Unlock()
	if goes != nil {
		goes.out()
	}
}

func (g *Guest) addLocked(stage Stage) {
	h, r := g.lobby.house, &g.lobby.rooms[stage]
	l := r.lines[g.prefix]
	if l == nil {
		h.clock++
		l = &line{prefix: g.prefix, since: h.clock}
		r.lines[g.prefix] = l
		heap.Push(&r.full, l)
	}
	g.line, g.place, g.stage = l, l.guests.PushBack(g), stage
	heap.Fix(&r.full, l.index)
	r.count++
	h.total++
	o := h.owners[g.lobby.owner]
	if o == nil {
		o = &owner{lobbies: map[*Lobby]bool{}}
		h.owners[g.lobby.owner] = o
	}
	o.count++
	o.lobbies[g.lobby] = true
}

func (g *Guest) removeLocked() {
	if g.line == nil {
		return
	}
	h, r, l := g.lobby.house, &g.lobby.rooms[g.stage], g.line
	l.guests.Remove(g.place)
	g.line, g.place = nil, nil
	if l.guests.Len() == 0 {
		heap.Remove(&r.full, l.index)
		delete(r.lines, l.prefix)
	} else {
		heap.Fix(&r.full, l.index)
	}
	r.count--
	h.total--
	o := h.owners[g.lobby.owner]
	if g.lobby.guests() == 0 {
		delete(o.lobbies, g.lobby)
	}
	if o.count--; o.count == 0 {
		delete(h.owners, g.lobby.owner)
	}
}

// guests counts those of all rooms.
func (l *Lobby) guests() (n int) {
	for i := range l.rooms {
		n += l.rooms[i].count
	}
	return n
}
