package record

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
)

// ErrCannotTake says that crypto/tls has to go on with a connection.
var ErrCannotTake = errors.New("the records of this connection cannot be taken over")

// Connection is what protects an established connection.
type Connection struct {
	In, Out *Half
	Client  bool // the connection is that of a client
}

// Established returns the protection of both directions of a TLS 1.3
// connection, as crypto/tls left it after the handshake. What was established
// must not be used for records of its own any more: two records under one
// number would give away what they carry.
//
// crypto/tls has no way to ask for this, but for a log of secrets, which does
// not say how many session tickets it has sent. So its fields are looked at, by
// name, without changing any. Where they are not as expected the error is
// ErrCannotTake, and crypto/tls does as well, only slower.
func Established(conn *tls.Conn) (*Connection, error) {
	state := conn.ConnectionState()
	if !state.HandshakeComplete || state.Version != tls.VersionTLS13 {
		return nil, fmt.Errorf("%w: not TLS 1.3", ErrCannotTake)
	}
	s := suiteOf(state.CipherSuite)
	if s == nil {
		return nil, fmt.Errorf("%w: unknown suite %#x", ErrCannotTake, state.CipherSuite)
	}
	fields := reflect.ValueOf(conn).Elem()
	client := fields.FieldByName("isClient")
	if !idle(fields) || client.Kind() != reflect.Bool {
		return nil, fmt.Errorf("%w: bytes are in hand", ErrCannotTake)
	}
	in, err := half(fields.FieldByName("in"), s)
	if err != nil {
		return nil, err
	}
	out, err := half(fields.FieldByName("out"), s)
	if err != nil {
		return nil, err
	}
	return &Connection{In: in, Out: out, Client: client.Bool()}, nil
}

// half reads the secret and the record number of one direction.
func half(from reflect.Value, s *suite) (*Half, error) {
	if from.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%w: crypto/tls has no such half", ErrCannotTake)
	}
	secret, seq, failed := from.FieldByName("trafficSecret"), from.FieldByName("seq"),
		from.FieldByName("err")
	bytesType := reflect.TypeFor[[]byte]()
	if !secret.IsValid() || secret.Type() != bytesType || secret.Len() != s.hash().Size() ||
		!seq.IsValid() || seq.Type() != reflect.TypeFor[[8]byte]() ||
		failed.Kind() != reflect.Interface || !failed.IsNil() {
		return nil, fmt.Errorf("%w: crypto/tls keeps its keys elsewhere", ErrCannotTake)
	}
	var number [8]byte
	for i := range number {
		number[i] = byte(seq.Index(i).Uint())
	}
	h, err := newHalf(s, bytes.Clone(secret.Bytes()), binary.BigEndian.Uint64(number[:]))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCannotTake, err)
	}
	return h, nil
}

// idle says whether crypto/tls has neither records nor parts of messages left.
func idle(conn reflect.Value) bool {
	for _, name := range []string{"rawInput", "hand"} { // bytes.Buffer
		buffer := conn.FieldByName(name)
		if buffer.Kind() != reflect.Struct {
			return false
		}
		data, offset := buffer.FieldByName("buf"), buffer.FieldByName("off")
		if data.Kind() != reflect.Slice || !offset.CanInt() || int64(data.Len()) != offset.Int() {
			return false
		}
	}
	input := conn.FieldByName("input") // bytes.Reader
	if input.Kind() != reflect.Struct {
		return false
	}
	data, read := input.FieldByName("s"), input.FieldByName("i")
	if data.Kind() != reflect.Slice || !read.CanInt() || read.Int() < int64(data.Len()) {
		return false
	}
	unsent := conn.FieldByName("sendBuf")
	return unsent.Kind() == reflect.Slice && unsent.Len() == 0
}
