package policy

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/abi"
)

// TestOptionFaults: whatever is wrong with a value is said in one sentence,
// whether setsockopt(2) got it or the service.
func TestOptionFaults(t *testing.T) {
	ints := func(n ...byte) string { return string(n) }
	for _, test := range []struct {
		option      abi.Option
		value, want string // the value as on a big endian machine
	}{
		{abi.VersionMin, ints(0, 0, 3, 2), "TLS_VERSION_MIN: 0x0302 is not a version: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3"},
		{abi.VersionMax, ints(0, 1, 3, 4), "TLS_VERSION_MAX: 0x10304 is not a version: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3"},
		{abi.SessionReuse, ints(0, 0, 0, 2), "TLS_SESSION_REUSE: 2 is neither 0 nor 1"},
		{abi.SessionReuse, ints(255, 255, 255, 255), "TLS_SESSION_REUSE: -1 is neither 0 nor 1"},
		{abi.SessionReuse, ints(0, 0, 1), "TLS_SESSION_REUSE: the value is an int of 4 bytes, and not of 3"},
		{abi.SessionTTL, ints(255, 255, 255, 255), "TLS_SESSION_TTL: -1 is not a number of seconds"},
		{abi.RequestPeerAuth, ints(0, 0, 0, 3), "TLS_REQUEST_PEER_AUTH: 3 is not 0 (none), 1 (required) or 2 (asked for)"},
		{abi.DisableCipher, "NONE", `TLS_DISABLE_CIPHER: "NONE" is not a cipher suite`},
		{abi.DisableCipher, "AES:AES", `TLS_DISABLE_CIPHER: "AES:AES" is not a cipher suite`},
		{abi.EnableCipher, "RC4-SHA", "TLS_ENABLE_CIPHER: RC4-SHA is insecure and is not offered by this program"},
		{abi.TrustedCiphers, "", `TLS_TRUSTED_CIPHERS: "" is not a cipher suite`},
		{abi.PrivateKey, ints(0, 0, 0, 1), "TLS_PRIVATE_KEY: this option does not tighten the policy"},
	} {
		_, listed := ParseOptions([][]byte{append(binary.BigEndian.AppendUint32(nil,
			uint32(test.option)), test.value...)})
		value := []byte(test.value)
		if info, _ := abi.LookupOption(test.option); info.Kind == abi.Int && len(value) == 4 {
			value = binary.LittleEndian.AppendUint32(nil, binary.BigEndian.Uint32(value))
		}
		var s ProgramSettings
		set := s.Set(test.option, value, binary.LittleEndian)
		if set == nil || set.Error() != test.want && !strings.HasPrefix(set.Error(), test.want+",") {
			t.Errorf("%v = %q is wrong since %v, want %s", test.option, test.value, set, test.want)
		}
		if listed == nil || set != nil && listed.Error() != set.Error() {
			t.Errorf("%v = %q: setsockopt(2) says %v, and the service %v", test.option, test.value, set, listed)
		}
		if !reflect.DeepEqual(s, ProgramSettings{}) {
			t.Errorf("%v = %q is refused, and leaves %+v", test.option, test.value, s)
		}
	}
}

// A program may give an int with more bytes, as to TCP.
func TestLongInt(t *testing.T) {
	var s ProgramSettings
	if err := s.Set(abi.SessionReuse, []byte{1, 0, 0, 0, 9}, binary.LittleEndian); err != nil ||
		s.SessionReuse == nil || !*s.SessionReuse {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestParseALPN(t *testing.T) {
	for value, want := range map[string][]string{"": nil, "h2": {"h2"},
		"h2, http/1.1": {"h2", "http/1.1"}, " h2 ": {"h2"}} {
		if got, err := ParseALPN(value); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %q, %v; want %q", value, got, err, want)
		}
	}
	for _, value := range []string{",", "h2,", "h2, ", strings.Repeat("x", 256)} {
		if got, err := ParseALPN(value); err == nil {
			t.Errorf("%q is %q, want an error", value, got)
		}
	}
}

// TestEverySettableOptionIsHeldOrElsewhere: an option of the contract has a
// value that is read here, or nothing to do with the policy.
func TestEverySettableOptionIsHeldOrElsewhere(t *testing.T) {
	elsewhere := map[abi.Option]bool{abi.RemoteHostname: true, abi.Hostname: true,
		abi.TrustedPeerCertificates: true,
		abi.CertificateChain:        true, abi.PrivateKey: true, abi.Context: true}
	for _, info := range abi.Options {
		if held := heldOf(info.Option).parse != nil; held != (info.Set != abi.Never &&
			!elsewhere[info.Option]) {
			t.Errorf("%s: ProgramSettings.Set takes it: %v", info.Name, held)
		}
	}
}
