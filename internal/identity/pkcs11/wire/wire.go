// Package wire is the language between a process that needs signatures and
// ssa-pkcs11, the process that opens tokens: messages over a SOCK_SEQPACKET
// socket, one per packet, bounded and versioned. Both sides decode what comes
// as hostile. It carries no key, and no PIN.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
)

// Version is the first byte of every message.
const Version = 1

const (
	// MaxData bounds what is signed at once (Ed25519 signs whole messages), and
	// signatures and public keys.
	MaxData = 16 << 10
	// MaxText bounds the text of an error.
	MaxText = 1024
	// MaxMessage bounds a message; a buffer of one byte more shows longer ones.
	MaxMessage = headerSize + 2 + uri.MaxLength + 1 + MaxData
)

const headerSize = 1 + 1 + 4 // version, kind, number

// Kind is what a message is.
type Kind uint8

// The requests, and what answers them.
const (
	Allow  Kind = 1 // the key URI may be used from now on; only its owner may say so
	Serve  Kind = 2 // users are served from now on; only the owner may say so
	Public Kind = 3 // the public key of URI, as Data (PKIX)
	Sign   Kind = 4 // the signature of Data by URI, as Data

	Hello Kind = 16 // the process is there; not an answer
	Down  Kind = 17 // the process has ended, Text says why; not an answer
	OK    Kind = 18 // the answer to a request
	Error Kind = 19 // the answer to a request that could not be done
)

// Message is any message. Which of its parts count depends on the kind.
type Message struct {
	Kind   Kind
	Number uint32 // of the request, repeated in its answer
	URI    string // Allow, Public, Sign
	Scheme Scheme // Sign
	Data   []byte // Sign, OK
	Code   Code   // Error
	Text   string // Error, Down
}

// Code says what kind of error it is.
type Code uint8

// The codes.
const (
	Failed Code = 1 // anything else
	Denied Code = 2 // the rights of the process do not suffice
)

var errShort = errors.New("the message ends early")

// Encode returns the bytes of a message.
func (m *Message) Encode() []byte {
	b := []byte{Version, byte(m.Kind)}
	b = binary.BigEndian.AppendUint32(b, m.Number)
	switch m.Kind {
	case Allow, Public:
		b = append(b, m.URI...)
	case Sign:
		b = append(b, byte(m.Scheme))
		b = binary.BigEndian.AppendUint16(b, uint16(len(m.URI)))
		b = append(append(b, m.URI...), m.Data...)
	case OK:
		b = append(b, m.Data...)
	case Error:
		b = append(append(b, byte(m.Code)), Clean(m.Text)...)
	case Down:
		b = append(b, Clean(m.Text)...)
	}
	return b
}

// Decode reads a message. The result has no part of the buffer.
func Decode(b []byte) (*Message, error) {
	switch {
	case len(b) < headerSize:
		return nil, errShort
	case len(b) > MaxMessage:
		return nil, fmt.Errorf("the message has %d bytes or more, at most %d are allowed", len(b), MaxMessage)
	case b[0] != Version:
		return nil, fmt.Errorf("the message is of version %d, this side speaks version %d: are ssa and ssa-pkcs11 of the same release?", b[0], Version)
	}
	m := &Message{Kind: Kind(b[1]), Number: binary.BigEndian.Uint32(b[2:])}
	return m, m.decodeBody(b[headerSize:])
}

func (m *Message) decodeBody(b []byte) error {
	switch m.Kind {
	case Allow, Public:
		m.URI = string(b)
		return m.checkURI()
	case Sign:
		return m.decodeSign(b)
	case OK:
		if len(b) > MaxData {
			return errors.New("the answer is too long")
		}
		m.Data = append([]byte(nil), b...)
		return nil
	case Error:
		if len(b) == 0 {
			return errShort
		}
		m.Code, m.Text = Code(b[0]), Clean(string(b[1:]))
		return nil
	case Down:
		m.Text = Clean(string(b))
		return nil
	case Serve, Hello:
		if len(b) > 0 {
			return errors.New("the message is too long for its kind")
		}
		return nil
	}
	return fmt.Errorf("messages of kind %d are not known", m.Kind)
}

func (m *Message) decodeSign(b []byte) error {
	if len(b) < 3 {
		return errShort
	}
	m.Scheme = Scheme(b[0])
	n := int(binary.BigEndian.Uint16(b[1:]))
	if b = b[3:]; len(b) < n {
		return errShort
	}
	m.URI, m.Data = string(b[:n]), append([]byte(nil), b[n:]...)
	if len(m.Data) > MaxData {
		return errors.New("what is to be signed is too long")
	}
	if err := m.checkURI(); err != nil {
		return err
	}
	return m.Scheme.check(m.Data)
}

// checkURI makes sure that a key has one name.
func (m *Message) checkURI() error {
	u, err := uri.Parse(m.URI)
	if err == nil && u.String() != m.URI {
		err = errors.New("the URI is not in its usual form")
	}
	return err
}

// Failure makes the answer to a request that could not be done.
func Failure(number uint32, err error) *Message {
	m := &Message{Kind: Error, Number: number, Code: Failed, Text: err.Error()}
	if errors.Is(err, fs.ErrPermission) {
		m.Code = Denied
	}
	return m
}

// Err returns the error that an answer is, if it is one. What was for want of
// rights is fs.ErrPermission here too.
func (m *Message) Err() error {
	switch {
	case m.Kind != Error:
		return nil
	case m.Code == Denied:
		return deniedError(m.Text)
	}
	return errors.New(m.Text)
}

type deniedError string

func (e deniedError) Error() string        { return string(e) }
func (e deniedError) Is(target error) bool { return target == fs.ErrPermission }

// Clean bounds a text and makes it fit for a log: modules put what they like
// into it.
func Clean(s string) string {
	if len(s) > MaxText {
		s = s[:MaxText]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return '?'
		}
		return r
	}, s)
}
