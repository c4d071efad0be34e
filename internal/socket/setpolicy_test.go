package socket

import (
	"crypto/tls"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// A socket keeps the policy of when it was made, even when it is first used
// after the change.
func TestSetPolicy(t *testing.T) {
	ssatest.NoLeaks(t)
	r := newRig(t, ssatest.NewAuthority(t))
	minimum := func(s *Socket, c *testCaller) int {
		value, err := s.TLSOption(c, abi.VersionMin)
		if err != nil || len(value) != 4 {
			t.Fatalf("TLS_VERSION_MIN is %x, error %v", value, err)
		}
		return int(binary.NativeEndian.Uint32(value))
	}
	used, usedBy := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	minimum(used, usedBy)
	unused, unusedBy := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	strict, err := policy.Parse("strict", []byte(`default: {versions: {min: "1.3"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.table.SetPolicy(strict)
	fresh, freshBy := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	for _, tc := range []struct {
		name string
		s    *Socket
		c    *testCaller
		want int
	}{{"used before", used, usedBy, tls.VersionTLS12}, {"made before", unused, unusedBy,
		tls.VersionTLS12}, {"made after", fresh, freshBy, tls.VersionTLS13}} {
		if got := minimum(tc.s, tc.c); got != tc.want {
			t.Errorf("a socket %s has TLS_VERSION_MIN %#x, want %#x", tc.name, got, tc.want)
		}
	}
}
