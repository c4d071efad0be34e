package local

import (
	"errors"
	"fmt"
	"net"
	"reflect"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// meaning is what an alert means when a peer sends it.
type meaning struct {
	hint string
	// early says that it means that in a handshake only.
	early bool
}

var (
	ourCertificate  = meaning{hint: "it did not accept our certificate"}
	nothingAccepted = meaning{hint: "it asked for a certificate, and we have none that it accepts: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY"}
)

// meanings has the alerts whose names do not say enough.
var meanings = map[record.Alert]meaning{
	record.HandshakeFailure:       {"it may not support TLS 1.2 or later, or have no cipher suite in common with us", true},
	record.BadCertificate:         ourCertificate,
	record.UnsupportedCertificate: ourCertificate,
	record.CertificateRevoked:     ourCertificate,
	record.CertificateExpired:     ourCertificate,
	record.CertificateUnknown:     ourCertificate,
	record.UnknownCA:              {hint: "it does not know who issued our certificate"},
	record.ProtocolVersion:        {"it supports no TLS version that the policy allows", true},
	record.InsufficientSecurity:   {"it wants stronger cipher suites than the policy allows", true},
	record.UnrecognizedName:       {"it serves nothing under that name", true},
	record.CertificateRequired:    nothingAccepted,
	record.NoApplicationProtocol:  {"it speaks none of the protocols of TLS_ALPN", true},
}

// alertError recognises an alert in an error of crypto/tls from a handshake: one
// that the peer sent, which says what it did, or one of ours. It returns nil for
// others. plaintext is what the peer last said in plaintext, nil for nothing: it is
// why crypto/tls could not decrypt it.
func (s side) alertError(err error, plaintext *record.Alert) *engine.Error {
	number, remote, ok := alertOf(err)
	switch {
	case !ok:
		return nil
	case !remote && number == record.BadRecordMAC && plaintext != nil:
		return s.told(*plaintext, "refused the handshake", meanings[*plaintext].hint, err)
	case !remote:
		return broken(number, err)
	}
	return s.told(number, "refused the handshake", meanings[number].hint, err)
}

// endingAlert does the same for a connection that was established. What an
// alert means about a handshake it does not mean then.
func (s side) endingAlert(err error) *engine.Error {
	number, remote, ok := alertOf(err)
	switch {
	case !ok:
		return nil
	case !remote:
		return broken(number, err)
	}
	hint := meanings[number].hint
	if meanings[number].early {
		hint = ""
	}
	return s.told(number, "ended the connection", hint, err)
}

// alertOf returns the alert in an error, and whether it is one of the peer's.
func alertOf(err error) (number record.Alert, remote, ok bool) {
	var op *net.OpError
	if !errors.As(err, &op) || (op.Op != "remote error" && op.Op != "local error") {
		return 0, false, false
	}
	// The type in there is not exported; its kind is part of TLS itself.
	value := reflect.ValueOf(op.Err)
	if !value.IsValid() || value.Kind() != reflect.Uint8 {
		return 0, false, false
	}
	return record.Alert(value.Uint()), op.Op == "remote error", true
}

// broken is the error when we had to send an alert.
func broken(number record.Alert, err error) *engine.Error {
	return &engine.Error{Reason: engine.Protocol, Err: err,
		Sentence: fmt.Sprintf("the peer broke the TLS protocol; we sent alert %d %s", number, number.Name())}
}

// told is the error when the peer sent an alert.
func (s side) told(number record.Alert, did, hint string, err error) *engine.Error {
	peer := "the peer"
	if s.role == engine.Server {
		peer = "the client"
	}
	if s.nothingToShow && aboutCertificates(number) {
		hint = nothingAccepted.hint
	}
	sentence := fmt.Sprintf("%s %s: alert %d %s", peer, did, number, number.Name())
	if hint != "" {
		sentence += "; " + hint
	}
	return &engine.Error{Reason: engine.Protocol, Sentence: sentence, Err: err}
}

// aboutCertificates says whether servers use an alert when a client has shown
// no certificate; there was none of its own for that before TLS 1.3.
func aboutCertificates(number record.Alert) bool {
	switch number {
	case record.HandshakeFailure, record.CertificateRequired:
		return true
	}
	return number >= record.BadCertificate && number <= record.AccessDenied
}
