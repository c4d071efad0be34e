package lobby

// tooManyLocked takes out who has to go since fresh has come; nil when there is
// room for all.
func (h *House) tooManyLocked(fresh *Guest) *Guest {
	l := fresh.lobby
	switch {
	case l.rooms[fresh.stage].count > h.limits.Stages[fresh.stage]:
		return h.letGoLocked(&l.rooms[fresh.stage], fresh)
	case h.owners[l.owner].count > h.limits.Share:
		return h.letGoLocked(h.fullestLocked(h.owners[l.owner]), fresh)
	case h.total > h.limits.Total:
		var most *owner
		for _, o := range h.owners {
			if most == nil || o.count > most.count {
				most = o
			}
		}
		return h.letGoLocked(h.fullestLocked(most), fresh)
	}
	return nil
}

// Relieve lets one guest go as if there were one too many: descriptors have run
// out. It returns false when nobody waits.
func (h *House) Relieve() bool {
	h.mu.Lock()
	var most *owner
	for _, o := range h.owners {
		if most == nil || o.count > most.count {
			most = o
		}
	}
	var goes *Guest
	if most != nil {
		goes = h.letGoLocked(h.fullestLocked(most), nil)
	}
	h.mu.Unlock()
	if goes == nil {
		return false
	}
	goes.out()
	return true
}

// fullestLocked is the fuller room, beside what it may hold, of an owner's
// fullest lobby, the oldest of equal ones.
func (h *House) fullestLocked(o *owner) *room {
	var most *Lobby
	for l := range o.lobbies {
		if most == nil || l.guests() > most.guests() ||
			l.guests() == most.guests() && l.number < most.number {
			most = l
		}
	}
	hello, answer := &most.rooms[Hello], &most.rooms[Answer]
	if answer.count*h.limits.Stages[Hello] > hello.count*h.limits.Stages[Answer] {
		return answer
	}
	return hello
}

// letGoLocked takes the oldest guest of the fullest network out who waits; nil
// when there is none but fresh.
func (h *House) letGoLocked(r *room, fresh *Guest) *Guest {
	if len(r.full) == 0 {
		return nil
	}
	for e := r.full[0].guests.Front(); e != nil; e = e.Next() {
		g := e.Value.(*Guest)
		if g.works || g == fresh {
			continue
		}
		g.removeLocked()
		g.left = true
		h.gone++
		return g
	}
	return nil
}
