package ssatest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"
)

// Log is a certificate transparency log that signs whatever it is asked to.
type Log struct {
	Name, Operator string
	// State is its state in a list, "usable" if empty, since At.
	State string
	At    time.Time
	// From and To bound the ends of certificates it takes.
	From, To time.Time
	key      *ecdsa.PrivateKey
	der      []byte
}

// NewLog makes a log.
func NewLog(t testing.TB, name, operator string) *Log {
	t.Helper()
	key := ecdsaKey(t)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatalf("marshal the key of a log: %v", err)
	}
	return &Log{Name: name, Operator: operator, At: time.Now().Add(-24 * time.Hour),
		key: key, der: der}
}

// Key returns the log's public key, DER.
func (l *Log) Key() []byte { return l.der }

// WithKey returns the log with another public key in lists. What it signs
// stays signed by the old one.
func (l *Log) WithKey(der []byte) *Log {
	other := *l
	other.der = der
	return &other
}

// LogList writes the list of some logs, JSON of version 3.
func LogList(t testing.TB, at time.Time, logs ...*Log) []byte {
	t.Helper()
	var operators []any
	for _, l := range logs {
		id := sha256.Sum256(l.der)
		state := l.State
		if state == "" {
			state = "usable"
		}
		entry := map[string]any{
			"description": l.Name, "log_id": id[:], "key": l.der, "url": "https://log.example/",
			"mmd":   86400,
			"state": map[string]any{state: map[string]any{"timestamp": l.At}},
		}
		if !l.From.IsZero() {
			entry["temporal_interval"] = map[string]any{"start_inclusive": l.From, "end_exclusive": l.To}
		}
		operators = append(operators, map[string]any{"name": l.Operator, "email": []string{},
			"logs": []any{entry}, "tiled_logs": []any{}})
	}
	text, err := json.Marshal(map[string]any{"version": "1", "log_list_timestamp": at,
		"operators": operators})
	if err != nil {
		t.Fatalf("marshal a log list: %v", err)
	}
	return text
}

// LogListFile writes it to a file.
func LogListFile(t testing.TB, logs ...*Log) string {
	t.Helper()
	return writeFile(t, "log_list.json", LogList(t, time.Now(), logs...), 0o644)
}

// Timestamp signs a timestamp for a finished certificate.
func (l *Log) Timestamp(t testing.TB, cert *x509.Certificate, at time.Time) []byte {
	t.Helper()
	return l.timestamp(t, append([]byte{0, 0}, prefixed24(cert.Raw)...), at)
}

func (l *Log) timestamp(t testing.TB, entry []byte, at time.Time) []byte {
	t.Helper()
	stamp := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	message := append([]byte{0, 0}, stamp...)
	message = append(append(message, entry...), 0, 0)
	digest := sha256.Sum256(message)
	signature, err := ecdsa.SignASN1(rand.Reader, l.key, digest[:])
	if err != nil {
		t.Fatalf("sign a timestamp: %v", err)
	}
	id := sha256.Sum256(l.der)
	out := append([]byte{0}, id[:]...)
	out = append(append(out, stamp...), 0, 0, 4, 3)
	return append(out, prefixed16(signature)...)
}

// IssueLogged issues a certificate with timestamps of these logs in it.
func (a *Authority) IssueLogged(t testing.TB, l Leaf, logs ...*Log) *Issued {
	t.Helper()
	key, template := l.key(t), l.template(t)
	before := sign(t, template, a.certificate, key.Public(), a.key)
	hash := sha256.Sum256(a.certificate.RawSubjectPublicKeyInfo)
	entry := append(append([]byte{0, 1}, hash[:]...), prefixed24(before.RawTBSCertificate)...)
	var stamps [][]byte
	for _, log := range logs {
		stamps = append(stamps, log.timestamp(t, entry, time.Now().Add(-time.Minute)))
	}
	value, err := asn1.Marshal(TimestampList(stamps...))
	if err != nil {
		t.Fatalf("marshal timestamps: %v", err)
	}
	template.ExtraExtensions = append(template.ExtraExtensions,
		pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value})
	certificate := sign(t, template, a.certificate, key.Public(), a.key)
	chain := [][]byte{certificate.Raw}
	for _, c := range a.above {
		chain = append(chain, c.Raw)
	}
	return issued(t, certificate, chain, key)
}

// TimestampList encodes timestamps as they are in certificates.
func TimestampList(stamps ...[]byte) []byte {
	var list []byte
	for _, s := range stamps {
		list = append(list, prefixed16(s)...)
	}
	return prefixed16(list)
}

func prefixed16(data []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(data))), data...)
}

func prefixed24(data []byte) []byte {
	n := len(data)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n)}, data...)
}

// StapledTimestamps is the extension of an OCSP response with timestamps.
func StapledTimestamps(t testing.TB, stamps ...[]byte) pkix.Extension {
	t.Helper()
	value, err := asn1.Marshal(TimestampList(stamps...))
	if err != nil {
		t.Fatalf("marshal timestamps: %v", err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 5}, Value: value}
}
