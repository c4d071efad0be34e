package lobby

import (
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine/record"
)

// What is said of records here is what is said where they are made.
func TestNumbersOfRecords(t *testing.T) {
	if recordHeader != record.HeaderLen || handshakeType != record.Handshake ||
		maxRecord != record.MaxPlaintext {
		t.Errorf("a record of type %d has a header of %d bytes and carries %d; elsewhere %d, %d and %d", handshakeType, recordHeader, maxRecord,
			record.Handshake, record.HeaderLen, record.MaxPlaintext)
	}
}
