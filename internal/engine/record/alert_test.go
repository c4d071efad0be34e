package record

import (
	"crypto/tls"
	"strings"
	"testing"
)

// TestAlertNames compares the names with those of crypto/tls, which it does not
// export: its errors have them.
func TestAlertNames(t *testing.T) {
	// What crypto/tls says in other words than the RFCs.
	other := map[Alert]string{
		BadRecordMAC: "bad record MAC", CertificateUnknown: "unknown certificate",
		UnknownCA:   "unknown certificate authority",
		DecodeError: "error decoding message", DecryptError: "error decrypting message",
		ProtocolVersion:       "protocol version not supported",
		InsufficientSecurity:  "insufficient security level",
		InappropriateFallback: "inappropriate fallback", NoRenegotiation: "no renegotiation",
		CloseNotify: "close notify", UserCanceled: "user canceled",
		CertificateRevoked: "revoked certificate", CertificateExpired: "expired certificate",
		BadCertificateStatusResponse: "bad certificate status response",
		UnknownPSKIdentity:           "unknown PSK identity",
		ECHRequired:                  "encrypted client hello required",
	}
	for n := range 256 {
		a := Alert(n)
		want := strings.TrimPrefix(tls.AlertError(n).Error(), "tls: ")
		// No version that is spoken here has those.
		retired := n == 21 || n == 30 || n == 60 || n == 111 || n == 114
		known := !strings.HasPrefix(want, "alert(") && !retired
		switch {
		case known != (a.Name() != "unknown"):
			t.Errorf("alert %d is %q here, and %q to crypto/tls", n, a.Name(), want)
		case known && other[a] != want && strings.ReplaceAll(a.Name(), "_", " ") != want:
			t.Errorf("alert %d is %q here, and %q to crypto/tls", n, a.Name(), want)
		}
	}
}
