package relay

import (
	"crypto/tls"
	"errors"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// records makes records of what the program writes, and the reverse. One
// goroutine opens and another one sends.
type records interface {
	// open moves what the records in hand carry to b, which has room for it.
	// Being given only complete records, it keeps nothing back.
	open(b *buffer) error
	// send releases b and returns when TCP has taken what was in it.
	send(b *buffer) error
	// sendEnd sends a close_notify.
	sendEnd() error
	// goIdle gives up memory that is not needed while nothing moves.
	goIdle()
}

// recordsOf takes the records of an established connection over where that can
// be done, which is faster and lets go of what the handshake needed.
func recordsOf(conn *tls.Conn, wire *Wire) records {
	established, err := record.Established(conn)
	if err != nil || wire.left > 0 {
		return &tlsRecords{conn: conn, wire: wire, requests: helloRequestsOf(conn)}
	}
	return newOwnRecords(conn, wire, established)
}

// tlsRecords leaves the records to crypto/tls: all of them before TLS 1.3.
type tlsRecords struct {
	conn     *tls.Conn
	wire     *Wire
	requests *helloRequests // nil where there are none
}

func (t *tlsRecords) open(b *buffer) error {
	for t.wire.ready() {
		if n, whole := t.wire.nextRecord(); t.wire.left == 0 && whole && n >= headerLen &&
			t.wire.held() >= n && t.requests.skip(t.wire.in.bytes()[:n]) {
			t.wire.drop(n)
			continue
		}
		n, err := t.conn.Read(b.free())
		b.w += n
		if errors.Is(err, errWouldBlock) { // the last ones were not for the program
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tlsRecords) send(b *buffer) error {
	t.wire.cork(b.len())
	_, tlsErr := t.conn.Write(b.bytes())
	b.release() // before waiting for a slow peer
	if err := t.wire.uncork(); err != nil {
		return err
	}
	return tlsErr
}

func (t *tlsRecords) sendEnd() error {
	t.wire.cork(0)
	tlsErr := t.conn.CloseWrite()
	if err := t.wire.uncork(); err != nil {
		return err
	}
	return tlsErr
}

// goIdle does nothing: crypto/tls keeps what it has.
func (t *tlsRecords) goIdle() {}
