package relay

import (
	"crypto/cipher"
	"crypto/tls"
	"encoding/binary"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// helloRequests passes over records with which a server of TLS 1.2 asks for
// another handshake: a client may ignore that (RFC 5246, 7.4.1.1). crypto/tls
// declines it with a warning, after which it writes no more, and which servers
// take for a refusal to go on. So such a record is opened here, with what
// crypto/tls would open it with, and counted as read; what is in any other record
// is for crypto/tls to read.
type helloRequests struct {
	mu     *sync.Mutex // of the receiving half of crypto/tls
	seq    *[8]byte    // the number of the next record
	cipher *any
	nonce  int // bytes of it in each record
	left   int
}

// maxHelloRequests bounds them: more is not a wish, but a nuisance.
const maxHelloRequests = 16

// helloRequestsOf returns nil for a connection that knows no such message, whose
// suite is too old, or where crypto/tls is not as expected.
func helloRequestsOf(conn *tls.Conn) *helloRequests {
	state := conn.ConnectionState()
	fields := reflect.ValueOf(conn).Elem()
	in, client := fields.FieldByName("in"), fields.FieldByName("isClient")
	if state.Version != tls.VersionTLS12 || in.Kind() != reflect.Struct ||
		client.Kind() != reflect.Bool || !client.Bool() {
		return nil
	}
	h := &helloRequests{left: maxHelloRequests}
	switch name := tls.CipherSuiteName(state.CipherSuite); {
	case strings.Contains(name, "_GCM_"):
		h.nonce = 8
	case !strings.Contains(name, "_CHACHA20_"):
		return nil
	}
	mutex, seq, opener := in.FieldByName("Mutex"), in.FieldByName("seq"), in.FieldByName("cipher")
	if !mutex.IsValid() || mutex.Type() != reflect.TypeFor[sync.Mutex]() || !seq.IsValid() ||
		seq.Type() != reflect.TypeFor[[8]byte]() ||
		!opener.IsValid() || opener.Type() != reflect.TypeFor[any]() {
		return nil
	}
	h.mu = (*sync.Mutex)(unsafe.Pointer(mutex.UnsafeAddr()))
	h.seq = (*[8]byte)(unsafe.Pointer(seq.UnsafeAddr()))
	h.cipher = (*any)(unsafe.Pointer(opener.UnsafeAddr()))
	return h
}

// skip says whether a complete record is such a request, and then counts it.
func (h *helloRequests) skip(sealed []byte) bool {
	if h == nil || h.left == 0 || sealed[0] != record.Handshake {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	aead, ok := (*h.cipher).(cipher.AEAD)
	const message = "\x00\x00\x00\x00"
	body := sealed[headerLen:]
	if !ok || len(body) != h.nonce+len(message)+aead.Overhead() {
		return false
	}
	nonce := h.seq[:]
	if h.nonce > 0 {
		nonce = body[:h.nonce]
	}
	about := append(append([]byte(nil), h.seq[:]...), sealed[0], sealed[1], sealed[2], 0,
		byte(len(message)))
	plaintext, err := aead.Open(nil, nonce, body[h.nonce:], about)
	number := binary.BigEndian.Uint64(h.seq[:]) + 1
	if err != nil || string(plaintext) != message || number == 0 {
		return false
	}
	binary.BigEndian.PutUint64(h.seq[:], number)
	h.left--
	return true
}
