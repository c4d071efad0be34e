package transparency

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"strconv"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// timestamp is a signed certificate timestamp, RFC 6962, 3.2.
type timestamp struct {
	log        id
	millis     uint64
	extensions []byte
	signature  []byte
}

func (t *timestamp) time() time.Time {
	const farthest = 253402300800000 // year 10000
	return time.UnixMilli(int64(min(t.millis, farthest)))
}

var errMalformed = errors.New("malformed")

// Codes of RFC 5246, 7.4.1.4.1, of RFC 6962, 3.2, and the version 1.
const (
	hashSHA256    = 4
	signatureRSA  = 1
	signatureECDS = 3
	versionOne    = 0
)

// parseTimestamp decodes one timestamp; nothing may follow.
func parseTimestamp(data []byte) (*timestamp, error) {
	input := cryptobyte.String(data)
	var version, hash, algorithm uint8
	var extensions, signature cryptobyte.String
	t := &timestamp{}
	if !input.ReadUint8(&version) {
		return nil, errMalformed
	}
	if version != versionOne {
		return nil, errors.New("of an unknown version")
	}
	if !input.CopyBytes(t.log[:]) || !input.ReadUint64(&t.millis) ||
		!input.ReadUint16LengthPrefixed(&extensions) ||
		!input.ReadUint8(&hash) || !input.ReadUint8(&algorithm) ||
		!input.ReadUint16LengthPrefixed(&signature) || !input.Empty() {
		return nil, errMalformed
	}
	if hash != hashSHA256 || algorithm != signatureRSA && algorithm != signatureECDS {
		return nil, errors.New("signed with an algorithm that RFC 6962 does not allow")
	}
	t.extensions, t.signature = extensions, signature
	return t, nil
}

// splitList takes a list of timestamps apart, RFC 6962, 3.3.
func splitList(data []byte) ([][]byte, error) {
	input := cryptobyte.String(data)
	var list cryptobyte.String
	if !input.ReadUint16LengthPrefixed(&list) || !input.Empty() || list.Empty() {
		return nil, errMalformed
	}
	var out [][]byte
	for !list.Empty() {
		var one cryptobyte.String
		if !list.ReadUint16LengthPrefixed(&one) || one.Empty() {
			return nil, errMalformed
		}
		out = append(out, one)
	}
	return out, nil
}

// verify checks the signature over an entry, which is what the log was given:
// see entry.
func (t *timestamp) verify(key crypto.PublicKey, entry []byte) bool {
	var b cryptobyte.Builder
	b.AddUint8(versionOne)
	b.AddUint8(0) // certificate_timestamp
	b.AddUint64(t.millis)
	b.AddBytes(entry)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(t.extensions) })
	message, err := b.Bytes()
	if err != nil {
		return false
	}
	digest := sha256.Sum256(message)
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest[:], t.signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], t.signature) == nil
	}
	return false
}

// clip makes text from a file fit for a message.
func clip(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}
