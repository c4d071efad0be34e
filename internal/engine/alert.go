package engine

import (
	"errors"
	"fmt"
	"net"
	"reflect"
)

// alert is the description of a TLS alert (RFC 8446, section 6).
type alert uint8

type alertText struct {
	name string
	hint string // what it means when we get it, may be empty
}

const ourCertificate = "it did not accept our certificate"

var alerts = map[alert]alertText{
	10:  {"unexpected_message", ""},
	20:  {"bad_record_mac", ""},
	22:  {"record_overflow", ""},
	40:  {"handshake_failure", "it may not support TLS 1.2 or later, or have no cipher suite in common with us"},
	42:  {"bad_certificate", ourCertificate},
	43:  {"unsupported_certificate", ourCertificate},
	44:  {"certificate_revoked", ourCertificate},
	45:  {"certificate_expired", ourCertificate},
	46:  {"certificate_unknown", ourCertificate},
	47:  {"illegal_parameter", ""},
	48:  {"unknown_ca", "it does not know who issued our certificate"},
	49:  {"access_denied", ""},
	50:  {"decode_error", ""},
	51:  {"decrypt_error", ""},
	70:  {"protocol_version", "it supports no TLS version that the policy allows"},
	71:  {"insufficient_security", "it wants stronger cipher suites than the policy allows"},
	80:  {"internal_error", ""},
	86:  {"inappropriate_fallback", ""},
	90:  {"user_canceled", ""},
	109: {"missing_extension", ""},
	110: {"unsupported_extension", ""},
	112: {"unrecognized_name", "it serves nothing under that name"},
	113: {"bad_certificate_status_response", ""},
	115: {"unknown_psk_identity", ""},
	116: {"certificate_required", "it asked for a certificate, and we have none that it accepts: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY"},
	120: {"no_application_protocol", "it speaks none of the protocols of TLS_ALPN"},
}

// alertError recognises an alert in an error of crypto/tls: one that the peer
// sent, which says what it did, or one of ours. It returns nil for others.
func (s side) alertError(err error, did string) *Error {
	var op *net.OpError
	if !errors.As(err, &op) || (op.Op != "remote error" && op.Op != "local error") {
		return nil
	}
	// The type in there is not exported; its kind is part of TLS itself.
	value := reflect.ValueOf(op.Err)
	if !value.IsValid() || value.Kind() != reflect.Uint8 {
		return nil
	}
	number := alert(value.Uint())
	text, known := alerts[number]
	if !known {
		text.name = "unknown"
	}
	if op.Op == "local error" {
		return &Error{Reason: Protocol, Err: err,
			Sentence: fmt.Sprintf("the peer broke the TLS protocol; we answered with alert %d %s", number, text.name)}
	}
	peer := "the peer"
	if s.role == Server {
		peer = "the client"
	}
	if s.nothingToShow && aboutCertificates(number) {
		text.hint = alerts[116].hint
	}
	sentence := fmt.Sprintf("%s %s: alert %d %s", peer, did, number, text.name)
	if text.hint != "" {
		sentence += "; " + text.hint
	}
	return &Error{Reason: Protocol, Sentence: sentence, Err: err}
}

// aboutCertificates says whether servers use an alert when a client has shown
// no certificate; there was none of its own for that before TLS 1.3.
func aboutCertificates(number alert) bool {
	return number == 40 || (number >= 42 && number <= 49) || number == 116
}
