package relay

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// maxTickets is how many session tickets of one connection are looked at.
// Servers send two or so.
const maxTickets = 8

// tickets has crypto/tls, which knows the session, make something of the
// session tickets of a server. For that they are sealed once more, with the
// numbers that crypto/tls expects.
type tickets struct {
	conn *tls.Conn // nil when there is no use for more
	wire *Wire
	half *record.Half
	left int
}

// take hands a NewSessionTicket message to crypto/tls.
func (t *tickets) take(message []byte) error {
	if t.conn == nil || tooLong(message) {
		return nil
	}
	for len(message) > 0 {
		n := min(len(message), maxPlaintext)
		part := append(make([]byte, 0, n+1), message[:n]...)
		sealed := make([]byte, n+record.Overhead)
		if _, err := t.half.Seal(sealed, record.Handshake, part); err != nil {
			return fmt.Errorf("handing on a session ticket: %w", err)
		}
		t.wire.handed = append(t.wire.handed, sealed...)
		message = message[n:]
	}
	if _, err := t.conn.Read(make([]byte, 1)); !errors.Is(err, errWouldBlock) {
		return fmt.Errorf("%w: %w", record.DecodeError, err)
	}
	if t.left--; t.left == 0 {
		t.forget()
	}
	return nil
}

// tooLong says whether a ticket would live for more than a week, which no
// server may say (RFC 8446, 4.6.1). It is of no use, and no harm.
func tooLong(message []byte) bool {
	const week = 7 * 24 * 60 * 60
	body := message[messageHeaderLen:]
	return len(body) >= 4 && binary.BigEndian.Uint32(body) > week
}

// forget lets go of what the handshake needed. Later tickets are ignored.
func (t *tickets) forget() { t.conn, t.half = nil, nil }
