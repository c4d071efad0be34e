package local

import (
	"crypto"
	"crypto/fips140"
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"hash"
	"runtime"
	"strings"

	"github.com/secure-socket-api/ssa/internal/identity"
)

// crypto/tls parses all certificates that a peer sends, and ends the handshake
// when one has a key of a kind that it does not know, although no chain needs
// that one: OpenSSL and others look at such a key when they need it. There is no
// setting for this. But crypto/tls hands each message that it has read to the
// hash of the handshake before it parses what is in it, and the certificates are
// parts of the very bytes that it hands over. So this hash, when it has hashed a
// peer's certificates as they came, marks such keys as being of no kind: then
// they are parsed, and vouch for nobody. The first certificate, the peer's own,
// is never changed.
//
// Should another Go do these things in another order, such a certificate ends
// the handshake as it did before; TestUnknownCurveBesideTheChain tells.
func init() {
	if fips140.Enabled() {
		return // no hash but those of the module
	}
	crypto.RegisterHash(crypto.SHA256, func() hash.Hash { return newTranscript(sha256.New()) })
	crypto.RegisterHash(crypto.SHA384, func() hash.Hash { return newTranscript(sha512.New384()) })
}

// state is what the hashes of the standard library can do besides.
type state interface {
	hash.Cloner
	encoding.BinaryMarshaler
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// transcript is a hash that looks at messages with certificates.
type transcript struct {
	state
	// pending are a TLS 1.2 server's certificates. crypto/tls has more to do with
	// the message, and parses them after it has read the next one.
	pending []byte
}

func newTranscript(h hash.Hash) hash.Hash {
	if s, ok := h.(state); ok {
		return &transcript{state: s}
	}
	return h
}

func (t *transcript) Write(p []byte) (int, error) {
	if t.pending != nil {
		markKeys(t.pending)
		t.pending = nil
	}
	n, err := t.state.Write(p)
	if list, tls13, ok := certificateList(p); ok && hasUnknownKey(list, tls13) && received() {
		if tls13 {
			markKeys(p)
		} else {
			t.pending = p
		}
	}
	return n, err
}

// Clone implements hash.Cloner.
func (t *transcript) Clone() (hash.Cloner, error) {
	c, err := t.state.Clone()
	if err != nil {
		return nil, err
	}
	return newTranscript(c).(hash.Cloner), nil
}

// certificateList returns the list in a Certificate message: that of TLS 1.3
// begins with an empty context (RFC 8446, 4.4.2; RFC 5246, 7.4.2).
func certificateList(message []byte) (list []byte, tls13, ok bool) {
	const certificate, header = 11, 4
	if len(message) < header+4 || message[0] != certificate ||
		length24(message[1:]) != len(message)-header {
		return nil, false, false
	}
	body := message[header:]
	switch {
	case length24(body) == len(body)-3:
		return body[3:], false, true
	case body[0] == 0 && length24(body[1:]) == len(body)-4:
		return body[4:], true, true
	}
	return nil, false, false
}

func length24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// others calls each for the certificates of a list but the first one.
func others(list []byte, tls13 bool, each func(der []byte)) {
	for first := true; len(list) >= 3; first = false {
		n := length24(list)
		if n > len(list)-3 {
			return
		}
		if !first {
			each(list[3 : 3+n : 3+n])
		}
		list = list[3+n:]
		if tls13 { // extensions
			if len(list) < 2 || 2+int(list[0])<<8+int(list[1]) > len(list) {
				return
			}
			list = list[2+int(list[0])<<8+int(list[1]):]
		}
	}
}

func hasUnknownKey(list []byte, tls13 bool) (found bool) {
	others(list, tls13, func(der []byte) { found = found || identity.UnknownKey(der) })
	return found
}

func markKeys(message []byte) {
	list, tls13, _ := certificateList(message)
	others(list, tls13, func(der []byte) {
		if identity.UnknownKey(der) {
			identity.MarkKey(der)
		}
	})
}

// received says whether the message that is being hashed is one that crypto/tls
// has read. Those that it sends must stay as they are.
func received() bool {
	var callers [8]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "crypto/tls.") &&
			strings.HasSuffix(frame.Function, ".unmarshalHandshakeMessage") {
			return true
		}
		if !more {
			return false
		}
	}
}
