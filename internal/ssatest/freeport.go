package ssatest

import (
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest/port"
)

// FreePort returns a port of 127.0.0.1 for a server that cannot choose one
// itself.
func FreePort(t testing.TB) int {
	t.Helper()
	n, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
