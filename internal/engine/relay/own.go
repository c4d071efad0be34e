package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// maxUseless is how many records that bring the program nothing may follow one
// another. It is that of crypto/tls.
const maxUseless = 16

// ownRecords does the records of a TLS 1.3 connection itself. It keeps to what
// crypto/tls does where RFC 8446 leaves a choice.
type ownRecords struct {
	wire *Wire
	seal sealer

	mu      sync.Mutex // held while records are opened
	in      *record.Half
	hand    []byte // the beginning of a handshake message
	useless int    // records in a row that brought the program nothing
	tickets *tickets
}

func newOwnRecords(conn *tls.Conn, wire *Wire, c *record.Connection) *ownRecords {
	o := &ownRecords{wire: wire, seal: sealer{wire: wire, out: c.Out}, in: c.In}
	if c.Client {
		o.tickets = &tickets{conn: conn, wire: wire, half: c.In.Clone(), left: maxTickets}
	}
	wire.disowned.Store(true)
	return o
}

func (o *ownRecords) send(b *buffer) error { return o.seal.send(b) }
func (o *ownRecords) sendEnd() error       { return o.seal.sendEnd() }

// goIdle lets go of the keys in use, which come back from their secrets, and of
// the handshake: servers send session tickets before they fall silent.
func (o *ownRecords) goIdle() {
	o.seal.dropKeys()
	o.mu.Lock() // after what is being opened, if anything
	defer o.mu.Unlock()
	o.in.DropKeys()
	if o.tickets != nil {
		o.tickets.forget()
	}
}

func (o *ownRecords) open(b *buffer) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.wire.ready() {
		sealed, err := o.wire.record()
		if err != nil {
			return o.refuse(err)
		}
		if len(b.free()) < len(sealed) {
			return nil // not with what can be in hand
		}
		if err := o.openOne(b, sealed); err != nil {
			return o.refuse(err)
		}
		o.wire.drop(len(sealed))
	}
	return nil
}

// refuse tells the peer of an alert that describes what it did wrong.
func (o *ownRecords) refuse(err error) error {
	var alert record.Alert
	if !errors.As(err, &alert) || isRemote(err) {
		return err
	}
	local := &net.OpError{Op: "local error", Err: alert}
	o.seal.sendAlert(alert, local)
	return local
}

// isRemote says whether an error is an alert of the peer's.
func isRemote(err error) bool {
	op, ok := err.(*net.OpError)
	return ok && op.Op == "remote error"
}

func (o *ownRecords) openOne(b *buffer, sealed []byte) error {
	if sealed[0] == record.ChangeCipherSpec {
		return record.UnexpectedMessage // only before the end of the handshake: RFC 8446, 5
	}
	contentType, data, err := o.in.Open(b.free(), sealed)
	if err != nil {
		return err
	}
	switch contentType {
	case record.ApplicationData:
		if len(data) == 0 || len(o.hand) > 0 {
			return o.countUseless(contentType)
		}
		b.w += len(data)
		o.useless = 0
		return nil
	case record.AlertType:
		return o.alerted(data)
	case record.Handshake:
		return o.handshake(data)
	}
	return record.UnexpectedMessage
}

// countUseless bounds records that bring nothing, and refuses what comes
// between the parts of a handshake message.
func (o *ownRecords) countUseless(contentType byte) error {
	if o.useless++; o.useless > maxUseless || (contentType != record.Handshake && len(o.hand) > 0) {
		return record.UnexpectedMessage
	}
	return nil
}

func (o *ownRecords) alerted(data []byte) error {
	if len(data) != 2 || len(o.hand) > 0 {
		return record.UnexpectedMessage
	}
	switch alert := record.Alert(data[1]); alert {
	case record.CloseNotify:
		return io.EOF
	case record.UserCanceled:
		return o.countUseless(record.AlertType)
	default:
		return &net.OpError{Op: "remote error", Err: alert}
	}
}

// Handshake messages after a handshake.
const (
	newSessionTicket = 4
	keyUpdate        = 24

	messageHeaderLen = 4
	// maxMessage is the longest message, that of crypto/tls.
	maxMessage = 64 << 10
)

// handshake takes a part of the messages after a handshake, or several.
func (o *ownRecords) handshake(data []byte) error {
	if len(data) == 0 {
		return record.UnexpectedMessage
	}
	o.hand = append(o.hand, data...)
	for len(o.hand) >= messageHeaderLen {
		n := int(o.hand[1])<<16 | int(o.hand[2])<<8 | int(o.hand[3])
		if n > maxMessage {
			return record.InternalError
		}
		if len(o.hand) < messageHeaderLen+n {
			return nil
		}
		message := o.hand[:messageHeaderLen+n]
		o.hand = o.hand[len(message):]
		if err := o.message(message); err != nil {
			return err
		}
	}
	if len(o.hand) == 0 {
		o.hand = nil // for good with nearly all connections
	}
	return nil
}

func (o *ownRecords) message(message []byte) error {
	if err := o.countUseless(record.Handshake); err != nil {
		return err
	}
	switch {
	case message[0] == keyUpdate:
		return o.keyUpdate(message[messageHeaderLen:])
	case message[0] == newSessionTicket && o.tickets != nil:
		return o.tickets.take(message)
	}
	return record.UnexpectedMessage
}

// keyUpdate moves on to the peer's next keys, and to ours when it asks so.
func (o *ownRecords) keyUpdate(body []byte) error {
	switch {
	case len(body) != 1:
		return record.DecodeError
	case body[0] > 1:
		return record.IllegalParameter
	case len(o.hand) > 0:
		return record.UnexpectedMessage // it has to end its record
	}
	if body[0] == 1 {
		o.seal.sendKeyUpdate()
	}
	if err := o.in.Update(); err != nil {
		return fmt.Errorf("renewing keys: %w", err)
	}
	return nil
}
