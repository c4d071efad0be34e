package relay

// leave makes sending wait no more, once the program has gone: what TCP does not
// take then is left behind.
func (w *Wire) leave() {
	w.deadlineMu.Lock()
	defer w.deadlineMu.Unlock()
	w.leaving.Store(true)
	w.setWriteDeadlineLocked(longAgo) // who waits looks about
}

// keepRest leaves behind what TCP does not take at once of rest.
func (w *Wire) keepRest() error {
	_ = w.raw.Control(func(fd uintptr) { w.trySendReady(fd) })
	if len(w.rest) > 0 && w.restErr == nil {
		w.behind = append(make([]byte, 0, len(w.rest)+smallSize), w.rest...)
	}
	w.rest = nil
	return w.restErr
}

// hasLeft says whether something was left behind.
func (w *Wire) hasLeft() bool {
	w.outMu.Lock()
	defer w.outMu.Unlock()
	for w.sending {
		w.idle.Wait()
	}
	return w.behind != nil
}
