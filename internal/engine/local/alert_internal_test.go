package local

import (
	"net"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// number is an alert as crypto/tls has it in an error.
type number uint8

func (number) Error() string { return "an alert" }

func TestAlertSentences(t *testing.T) {
	remote := func(n number) error { return &net.OpError{Op: "remote error", Err: n} }
	local := func(n number) error { return &net.OpError{Op: "local error", Err: n} }
	unknownCA := record.UnknownCA
	for _, tc := range []struct {
		name       string
		err        error
		plaintext  *record.Alert
		early      string // what it says of a handshake
		late       string // and of a connection that was established
		lateHasNot string
	}{
		{name: "handshake_failure", err: remote(40), early: "the client refused the handshake: alert 40 handshake_failure; it may not support",
			late: "the client ended the connection: alert 40 handshake_failure", lateHasNot: "cipher"},
		{name: "unrecognized_name", err: remote(112), early: "serves nothing under that name", late: "alert 112 unrecognized_name", lateHasNot: "name;"},
		{name: "unknown_ca", err: remote(48), early: "alert 48 unknown_ca; it does not know who issued", late: "alert 48 unknown_ca; it does not know who issued"},
		{name: "in plaintext", err: local(20), plaintext: &unknownCA, early: "the client refused the handshake: alert 48 unknown_ca; it does not know",
			late: "the peer broke the TLS protocol; we sent alert 20 bad_record_mac"},
		{name: "no_renegotiation", err: local(100), early: "alert 100 no_renegotiation", late: "alert 100 no_renegotiation"},
	} {
		s := side{role: engine.Server}
		if got := s.alertError(tc.err, tc.plaintext); got == nil ||
			!strings.Contains(got.Sentence, tc.early) {
			t.Errorf("%s, in a handshake: %v, want %q", tc.name, got, tc.early)
		}
		got := s.endingAlert(tc.err)
		if got == nil || !strings.Contains(got.Sentence, tc.late) ||
			tc.lateHasNot != "" && strings.Contains(got.Sentence, tc.lateHasNot) {
			t.Errorf("%s, later: %v, want %q", tc.name, got, tc.late)
		}
	}
	for text, want := range map[string]bool{
		"\x15\x03\x03\x00\x02\x02\x30": true, "\x15\x03\x03\x00\x13\x02\x30": false,
		"\x17\x03\x03\x00\x02\x02\x30": false, "\x15\x03\x03": false,
	} {
		if got := plaintextAlert([]byte(text)); (got != nil) != want || want && *got != 48 {
			t.Errorf("%x is taken for %v", text, got)
		}
	}
}
