package lobby

// Sizes and numbers of TLS records and of the messages of a handshake. Those of
// records are said again, since gates, which have no part of TLS, link this: a
// test compares them with internal/engine/record.
const (
	recordHeader  = 5
	messageHeader = 4
	handshakeType = 22
	clientHello   = 1
	maxRecord     = 16 << 10
)

// WholeHello reports whether the beginning of what a client has sent is a whole
// ClientHello (RFC 8446, sections 4 and 5.1), or will never be one: then TLS has
// something to say to it.
func WholeHello(sent []byte) bool {
	need := messageHeader
	var got int      // of the message, over several records
	var head [4]byte // its header
	for len(sent) > 0 {
		if sent[0] != handshakeType || len(sent) > 1 && sent[1] != 3 {
			return true
		}
		if len(sent) < recordHeader {
			return false
		}
		n := int(sent[3])<<8 | int(sent[4])
		if n == 0 || n > maxRecord {
			return true
		}
		part := sent[recordHeader:]
		whole := len(part) >= n
		part = part[:min(n, len(part))]
		if got < messageHeader {
			copy(head[got:], part)
		}
		got += len(part)
		if got > 0 && head[0] != clientHello {
			return true
		}
		if got >= messageHeader {
			need = messageHeader + int(head[1])<<16 + int(head[2])<<8 + int(head[3])
		}
		if got >= need || need > MaxPeeked {
			return got >= messageHeader
		}
		if !whole {
			return false
		}
		sent = sent[recordHeader+n:]
	}
	return false
}

// MaxPeeked is how much of a hello is waited for without a handshake; longer
// ones are for TLS to read.
const MaxPeeked = 16 << 10
