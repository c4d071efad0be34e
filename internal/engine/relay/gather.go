package relay

import "net"

// trySendPendingLocked sends what TCP takes at once, unless whoever is sending
// or gathering is going to.
func (w *Wire) trySendPendingLocked() {
	if !w.corked && !w.sending && w.pending != nil {
		w.trySendLocked()
	}
}

// makeRoomLocked returns when n more bytes fit into what is pending, or false
// when nothing more can be sent.
func (w *Wire) makeRoomLocked(n int) bool {
	for w.sendableLocked() == nil {
		switch {
		case w.pending == nil:
			w.pending = getBuffer(n)
		case len(w.pending.free()) >= n:
			return true
		default:
			w.flushLocked()
		}
	}
	return false
}

// sendableLocked says why nothing more can be sent.
func (w *Wire) sendableLocked() error {
	if w.finished {
		return net.ErrClosed
	}
	return w.outErr
}

// cork gathers records until uncork, expecting n bytes of plaintext.
func (w *Wire) cork(n int) {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	w.corked = true
	w.expectLocked(n)
}

// expectLocked makes room for the records of n bytes of plaintext.
func (w *Wire) expectLocked(n int) {
	size := smallSize
	if n > maxPlaintext {
		size = largeSize
	}
	if w.pending == nil && n <= tinyChunk && !w.stalls.room(smallSize) {
		w.pending = getTiny()
		return
	}
	if w.pending == nil {
		w.pending = getBuffer(size)
	} else if len(w.pending.data) < size {
		larger := getBuffer(size)
		larger.add(w.pending.bytes())
		w.pending.release()
		w.pending = larger
	}
}

// uncork sends what was gathered and returns when TCP has taken it.
func (w *Wire) uncork() error {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	w.corked = false
	w.flushLocked()
	return w.outErr
}
