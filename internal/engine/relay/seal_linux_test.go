package relay

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// scriptedSealer returns a sealer of an established connection, and what its
// TCP is given instead.
func scriptedSealer(t *testing.T) (*sealer, *script) {
	t.Helper()
	near, far := tcpPair(t)
	t.Cleanup(func() { near.Close(); far.Close() })
	conn, _ := handshake(t, NewWire(near), far, rigOptions{})
	c, err := record.Established(conn)
	must(t, err)
	tcp := &script{}
	wire := NewWire(tcp)
	wire.beginRelay(endless())
	return &sealer{wire: wire, out: c.Out}, tcp
}

func bufferOf(p []byte) *buffer {
	b := getBuffer(len(p))
	b.add(p)
	return b
}

// After a close_notify or a fatal alert no record is made any more, whoever
// wants to.
func TestNothingAfterTheEnd(t *testing.T) {
	why := errors.New("why")
	for name, c := range map[string]struct {
		end  func(s *sealer) error
		want error
	}{
		"close_notify": {func(s *sealer) error { return s.sendEnd() }, net.ErrClosed},
		"alert": {func(s *sealer) error {
			s.sendAlert(record.BadRecordMAC, why)
			return nil
		}, why},
	} {
		t.Run(name, func(t *testing.T) {
			s, tcp := scriptedSealer(t)
			must(t, s.send(bufferOf([]byte("data"))))
			must(t, c.end(s))
			if len(tcp.wrote) != 2 {
				t.Fatalf("%d records left for TCP, want data and the end", len(tcp.wrote))
			}
			for range 2 {
				if err := s.send(bufferOf([]byte("data"))); err != c.want {
					t.Errorf("sending data: %v, want %v", err, c.want)
				}
				s.sendKeyUpdate()
				s.sendAlert(record.InternalError, errors.New("another"))
				if err := s.sendEnd(); err != c.want {
					t.Errorf("sending the end: %v, want %v", err, c.want)
				}
			}
			if len(tcp.wrote) != 2 || s.wire.pending != nil {
				t.Errorf("%d records left for TCP, or some wait; want nothing more", len(tcp.wrote))
			}
		})
	}
}

// Who could not announce its next keys, as it was asked to, sends no more data
// under those it has.
func TestNothingWithoutUpdate(t *testing.T) {
	s, tcp := scriptedSealer(t)
	s.wire.outErr = syscall.EPIPE
	s.sendKeyUpdate()
	s.wire.outErr = nil
	if err := s.send(bufferOf([]byte("data"))); !errors.Is(err, syscall.EPIPE) || len(tcp.wrote) != 0 {
		t.Errorf("sending data: %v, want %v", err, syscall.EPIPE)
	}
}

// A peer's key update after our close_notify is taken, not answered.
func TestRenewalAfterShutdown(t *testing.T) {
	p := newRawPeer(t)
	must(t, p.program.CloseWrite())
	p.expectRecord(t, record.AlertType, record.CloseNotify.Encode())
	p.send(t, record.Handshake, []byte{keyUpdate, 0, 0, 1, 1})
	must(t, p.out.Update())
	p.ping(t)
	p.send(t, record.AlertType, record.CloseNotify.Encode())
	must(t, p.program.Close())
	p.expectEnd(t, nil)
	expectRead(t, "the peer", p.peerTCP, nil, nil)
}

// A session ticket may be longer than a record.
func TestLongTicket(t *testing.T) {
	p := newRawPeer(t)
	const n = 40_000
	body := append(make([]byte, 9), n>>8, n&0xff)
	body = append(append(body, pattern(n)...), 0, 0)
	message := append([]byte{newSessionTicket, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	for len(message) > 0 {
		part := message[:min(len(message), maxPlaintext)]
		p.send(t, record.Handshake, part)
		message = message[len(part):]
	}
	p.ping(t)
	if !p.looksAtTickets() {
		t.Error("no more tickets are looked at")
	}
}
