package local

import (
	"errors"
	"fmt"
	"net"
	"reflect"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// alert is the description of a TLS alert (RFC 8446, section 6).
type alert uint8

type alertText struct {
	name string
	hint string // what it means when we get it, may be empty
	// early says that it means that in a handshake only.
	early bool
}

const badRecordMAC alert = 20

const ourCertificate = "it did not accept our certificate"

var alerts = map[alert]alertText{
	10:  {name: "unexpected_message"},
	20:  {name: "bad_record_mac"},
	22:  {name: "record_overflow"},
	40:  {"handshake_failure", "it may not support TLS 1.2 or later, or have no cipher suite in common with us", true},
	42:  {name: "bad_certificate", hint: ourCertificate},
	43:  {name: "unsupported_certificate", hint: ourCertificate},
	44:  {name: "certificate_revoked", hint: ourCertificate},
	45:  {name: "certificate_expired", hint: ourCertificate},
	46:  {name: "certificate_unknown", hint: ourCertificate},
	47:  {name: "illegal_parameter"},
	48:  {name: "unknown_ca", hint: "it does not know who issued our certificate"},
	49:  {name: "access_denied"},
	50:  {name: "decode_error"},
	51:  {name: "decrypt_error"},
	70:  {"protocol_version", "it supports no TLS version that the policy allows", true},
	71:  {"insufficient_security", "it wants stronger cipher suites than the policy allows", true},
	80:  {name: "internal_error"},
	86:  {name: "inappropriate_fallback"},
	90:  {name: "user_canceled"},
	100: {name: "no_renegotiation"},
	109: {name: "missing_extension"},
	110: {name: "unsupported_extension"},
	112: {"unrecognized_name", "it serves nothing under that name", true},
	113: {name: "bad_certificate_status_response"},
	115: {name: "unknown_psk_identity"},
	116: {name: "certificate_required", hint: "it asked for a certificate, and we have none that it accepts: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY"},
	120: {"no_application_protocol", "it speaks none of the protocols of TLS_ALPN", true},
	121: {name: "ech_required"},
}

// alertError recognises an alert in an error of crypto/tls from a handshake: one
// that the peer sent, which says what it did, or one of ours. It returns nil for
// others. plaintext is what the peer last said in plaintext, nil for nothing: it is
// why crypto/tls could not decrypt it.
func (s side) alertError(err error, plaintext *alert) *engine.Error {
	number, remote, ok := alertOf(err)
	switch {
	case !ok:
		return nil
	case !remote && number == badRecordMAC && plaintext != nil:
		return s.told(*plaintext, "refused the handshake", alerts[*plaintext].hint, err)
	case !remote:
		return broken(number, err)
	}
	return s.told(number, "refused the handshake", alerts[number].hint, err)
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
	hint := alerts[number].hint
	if alerts[number].early {
		hint = ""
	}
	return s.told(number, "ended the connection", hint, err)
}

// alertOf returns the alert in an error, and whether it is one of the peer's.
func alertOf(err error) (number alert, remote, ok bool) {
	var op *net.OpError
	if !errors.As(err, &op) || (op.Op != "remote error" && op.Op != "local error") {
		return 0, false, false
	}
	// The type in there is not exported; its kind is part of TLS itself.
	value := reflect.ValueOf(op.Err)
	if !value.IsValid() || value.Kind() != reflect.Uint8 {
		return 0, false, false
	}
	return alert(value.Uint()), op.Op == "remote error", true
}

func (a alert) name() string {
	if text, known := alerts[a]; known {
		return text.name
	}
	return "unknown"
}

// broken is the error when we had to send an alert.
func broken(number alert, err error) *engine.Error {
	return &engine.Error{Reason: engine.Protocol, Err: err,
		Sentence: fmt.Sprintf("the peer broke the TLS protocol; we sent alert %d %s", number, number.name())}
}

// told is the error when the peer sent an alert.
func (s side) told(number alert, did, hint string, err error) *engine.Error {
	peer := "the peer"
	if s.role == engine.Server {
		peer = "the client"
	}
	if s.nothingToShow && aboutCertificates(number) {
		hint = alerts[116].hint
	}
	sentence := fmt.Sprintf("%s %s: alert %d %s", peer, did, number, number.name())
	if hint != "" {
		sentence += "; " + hint
	}
	return &engine.Error{Reason: engine.Protocol, Sentence: sentence, Err: err}
}

// aboutCertificates says whether servers use an alert when a client has shown
// no certificate; there was none of its own for that before TLS 1.3.
func aboutCertificates(number alert) bool {
	return number == 40 || (number >= 42 && number <= 49) || number == 116
}
