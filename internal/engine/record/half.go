// Package record protects the records of a TLS 1.3 connection whose handshake
// crypto/tls has done (RFC 8446, section 5): it seals and opens single records
// and moves on to the next keys. It never does or judges a handshake, never
// interprets what a record carries, and neither reads nor writes a stream.
package record

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Content types.
const (
	ChangeCipherSpec = 20
	AlertType        = 21
	Handshake        = 22
	ApplicationData  = 23
	Heartbeat        = 24
)

// Sizes of records.
const (
	HeaderLen = 5
	// MaxPlaintext is the most a record carries.
	MaxPlaintext = 16 << 10
	// MaxCiphertext is the most that may follow a header.
	MaxCiphertext = MaxPlaintext + 256
	// MaxCiphertext12 is that of TLS 1.2 (RFC 5246, section 6.2.3).
	MaxCiphertext12 = MaxPlaintext + 2048
	// Overhead is by how much a sealed record is longer than what it carries:
	// the header, the content type and the tag that all suites have.
	Overhead = HeaderLen + 1 + tagLen

	tagLen   = 16
	nonceLen = 12
)

// Half is the protection of one direction. It must not be copied: no two
// records may ever be sealed with the same number under the same key.
type Half struct {
	// Limit is after how many records under one key the next keys are due; zero
	// for never. It is that of the suite, and may be lowered.
	Limit uint64

	suite  *suite
	secret []byte // the traffic secret
	aead   cipher.AEAD
	iv     [nonceLen]byte
	seq    uint64 // of the next record

	nonce  [nonceLen]byte  // arguments of interface methods escape
	header [HeaderLen]byte // likewise
}

// newHalf returns the protection under a traffic secret, which it takes over,
// from record number seq on.
func newHalf(s *suite, secret []byte, seq uint64) (*Half, error) {
	h := &Half{Limit: s.limit, suite: s, secret: secret, seq: seq}
	if err := h.rekey(); err != nil {
		return nil, err
	}
	return h, nil
}

// Clone returns the same protection for once more. Sealing with a clone is only
// for records that never leave the process.
func (h *Half) Clone() *Half {
	return &Half{Limit: h.Limit, suite: h.suite, secret: bytes.Clone(h.secret), seq: h.seq}
}

// DropKeys gives up what is quickly made again, for as long as nothing is sealed
// or opened: most of the memory of a Half.
func (h *Half) DropKeys() { h.aead = nil }

// restoreKeys undoes DropKeys.
func (h *Half) restoreKeys() error {
	if h.aead != nil {
		return nil
	}
	return h.rekey()
}

// rekey derives key and nonce base from the secret (RFC 8446, section 7.3).
func (h *Half) rekey() error {
	key, err := h.suite.expand(h.secret, "key", h.suite.keyLen)
	if err != nil {
		return err
	}
	iv, err := h.suite.expand(h.secret, "iv", nonceLen)
	if err != nil {
		return err
	}
	if h.aead, err = h.suite.aead(key); err != nil {
		return fmt.Errorf("using a traffic key: %w", err)
	}
	copy(h.iv[:], iv)
	return nil
}

// Update moves on to the next keys (RFC 8446, section 7.2).
func (h *Half) Update() error {
	next, err := h.suite.expand(h.secret, "traffic upd", len(h.secret))
	if err != nil {
		return err
	}
	clear(h.secret)
	h.secret, h.seq = next, 0
	return h.rekey()
}

// Exhausted says that the keys have protected as many records as they should
// (RFC 8446, section 5.5).
func (h *Half) Exhausted() bool { return h.Limit > 0 && h.seq >= h.Limit }

// nextNonce returns the nonce of the next record.
func (h *Half) nextNonce() []byte {
	binary.BigEndian.PutUint64(h.nonce[nonceLen-8:], h.seq)
	clear(h.nonce[:nonceLen-8])
	for i := range h.nonce {
		h.nonce[i] ^= h.iv[i]
	}
	return h.nonce[:]
}

var (
	// errUsedUp cannot happen: at a record each nanosecond it takes 580 years.
	errUsedUp = errors.New("all record numbers are used up")
	// errNoRoom would be a bug of ours. A result elsewhere than in dst would let
	// what was in dst before be taken for it.
	errNoRoom = errors.New("no room for a record")
)

// Seal writes a record that carries data to dst, which must not overlap with
// it and has room for len(data) + Overhead, and returns how long the record is.
// Data must have a byte of capacity to spare: Seal uses it and puts it back.
func (h *Half) Seal(dst []byte, contentType byte, data []byte) (int, error) {
	switch {
	case len(data) > MaxPlaintext || cap(data) == len(data) || cap(dst) < len(data)+Overhead:
		return 0, errNoRoom
	case h.seq+1 == 0:
		return 0, errUsedUp
	}
	if err := h.restoreKeys(); err != nil {
		return 0, err
	}
	n := len(data)
	h.header = makeHeader(n + 1 + tagLen)
	dst = append(dst[:0], h.header[:]...)
	inner := data[:n+1]
	spare := inner[n]
	inner[n] = contentType
	dst = h.aead.Seal(dst, h.nextNonce(), inner, h.header[:])
	inner[n] = spare
	h.seq++
	return len(dst), nil
}

func makeHeader(length int) [HeaderLen]byte {
	return [HeaderLen]byte{ApplicationData, 3, 3, byte(length >> 8), byte(length)}
}

// Open decrypts a complete record into dst, which does not overlap with it and
// is as large. It returns the content type and what the record carries, in
// dst. An error is an Alert, to be sent to the peer.
func (h *Half) Open(dst, record []byte) (contentType byte, data []byte, err error) {
	switch n := len(record) - HeaderLen; {
	case record[0] != ApplicationData:
		return 0, nil, UnexpectedMessage
	case n > MaxCiphertext:
		return 0, nil, RecordOverflow
	case n < tagLen || h.seq+1 == 0:
		return 0, nil, BadRecordMAC
	case cap(dst) < n:
		return 0, nil, InternalError
	}
	if err := h.restoreKeys(); err != nil {
		return 0, nil, InternalError
	}
	copy(h.header[:], record)
	inner, err := h.aead.Open(dst[:0], h.nextNonce(), record[HeaderLen:], h.header[:])
	if err != nil {
		return 0, nil, BadRecordMAC
	}
	h.seq++
	if len(inner) > MaxPlaintext+1 {
		return 0, nil, RecordOverflow
	}
	end := len(inner) // padding is zeros after the content type
	for end > 0 && inner[end-1] == 0 {
		end--
	}
	if end == 0 {
		return 0, nil, UnexpectedMessage
	}
	return inner[end-1], inner[:end-1], nil
}
