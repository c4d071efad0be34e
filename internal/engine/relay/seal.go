package relay

import (
	"net"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// Sizes of records: the first ones fit into few TCP segments, so that the peer
// can use what has arrived, and they grow while data goes on flowing.
const (
	firstRecord = 1400 - record.Overhead
	// quietTime is after how long sending starts again with small ones.
	quietTime = time.Second
)

// sealer makes records and has them sent. Both directions use it: receiving
// may have to answer a key update or to send an alert.
type sealer struct {
	wire *Wire

	// All below is guarded by wire.outMu, so that records are sent in the
	// order of their numbers.
	out   *record.Half
	ended error // nothing may be sent any more, close_notify or an alert being the last
	sizer sizer
}

func (s *sealer) send(b *buffer) error {
	s.wire.outMu.Lock()
	defer s.wire.outMu.Unlock()
	s.sizer.begin(time.Now())
	err := s.sealLocked(b.bytes())
	b.release() // before waiting for a slow peer
	return s.flushLocked(err)
}

func (s *sealer) sendEnd() error {
	s.wire.outMu.Lock()
	defer s.wire.outMu.Unlock()
	err := s.sealOneLocked(record.AlertType, record.CloseNotify.Encode())
	if s.ended == nil {
		s.ended = net.ErrClosed
	}
	return s.flushLocked(err)
}

func (s *sealer) dropKeys() {
	s.wire.outMu.Lock()
	defer s.wire.outMu.Unlock()
	s.out.DropKeys()
}

// flushLocked returns when TCP has taken everything. Why it does not comes
// before any other error.
func (s *sealer) flushLocked(err error) error {
	s.wire.flushLocked()
	if s.wire.outErr != nil {
		return s.wire.outErr
	}
	return err
}

// sendAlert sends a fatal alert, as far as can be without waiting. Sending
// fails with why from now on.
func (s *sealer) sendAlert(alert record.Alert, why error) {
	s.wire.outMu.Lock()
	defer s.wire.outMu.Unlock()
	if s.sealOneLocked(record.AlertType, alert.Encode()) == nil {
		s.wire.trySendPendingLocked()
	}
	if s.ended == nil {
		s.ended = why
	}
}

// sendKeyUpdate answers a peer that asked for new keys. If that fails sending
// data does too.
func (s *sealer) sendKeyUpdate() {
	s.wire.outMu.Lock()
	defer s.wire.outMu.Unlock()
	if s.updateLocked() == nil {
		s.wire.trySendPendingLocked()
	}
}

// updateLocked announces our next keys and moves on to them.
func (s *sealer) updateLocked() error {
	const notRequested = 0
	message := append(make([]byte, 0, 6), keyUpdate, 0, 0, 1, notRequested)
	err := s.sealOneLocked(record.Handshake, message)
	if err == nil {
		err = s.out.Update()
	}
	if err != nil && s.ended == nil {
		s.ended = err
	}
	return err
}

// sealLocked appends records of data to what is to be sent.
func (s *sealer) sealLocked(data []byte) error {
	s.wire.expectLocked(len(data))
	for len(data) > 0 {
		if s.out.Exhausted() {
			if err := s.updateLocked(); err != nil {
				return err
			}
		}
		n := min(len(data), s.sizer.limit())
		if err := s.sealOneLocked(record.ApplicationData, data[:n]); err != nil {
			return err
		}
		s.sizer.sent += n
		data = data[n:]
	}
	return nil
}

func (s *sealer) sealOneLocked(contentType byte, data []byte) error {
	w := s.wire
	if !w.makeRoomLocked(len(data) + record.Overhead) {
		return w.sendableLocked()
	}
	if s.ended != nil {
		return s.ended
	}
	n, err := s.out.Seal(w.pending.free(), contentType, data)
	w.pending.w += n
	return err
}

// sizer says how much the next record carries: as much as has been sent since
// data began to flow, the way TCP opens its window.
type sizer struct {
	sent int
	last time.Time // when data was last sent
}

// begin notes that data comes now.
func (z *sizer) begin(now time.Time) {
	if now.Sub(z.last) >= quietTime {
		z.sent = 0
	}
	z.last = now
}

func (z *sizer) limit() int { return max(firstRecord, min(z.sent, maxPlaintext)) }
