package socket

// Close ends what has not been connected, waits until what programs wrote has gone
// out or is somebody else's to send, and releases all. The programs must have ended.
func (t *Table) Close() {
	t.mu.Lock()
	t.closed = true
	all := make([]*Socket, 0, len(t.sockets))
	for _, s := range t.sockets {
		all = append(all, s)
	}
	for _, s := range t.delivery {
		all = append(all, s)
	}
	t.mu.Unlock()
	t.cancel()
	t.forgetAllOlder()
	for _, s := range all {
		s.stopLingering()
	}
	t.work.Wait()
	if !t.cfg.NamePrograms { // else the other process goes on
		t.relays.Wait()
	}
	for _, s := range all {
		s.release()
	}
}
