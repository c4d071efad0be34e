package socket

import "slices"

// inherit takes from a listener what an accepted TCP socket has from it. The
// kernel has done so for the real socket; this is what it does not know:
// options that are only remembered (see virtualOption), and what those set mean
// to us. Set on the listener later, they are for those accepted later.
func (fresh *Socket) inherit(listener *Socket) {
	listener.mu.Lock()
	defer listener.mu.Unlock()
	fresh.options = slices.Clone(listener.options)
	fresh.abortive.Store(listener.abortive.Load())
	fresh.sendSize, fresh.recvSize = listener.sendSize, listener.recvSize
}
