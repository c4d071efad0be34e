package policy

import (
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/abi"
)

// fullSettings has something in every field that the list carries.
func fullSettings() ProgramSettings {
	s := ProgramSettings{
		VersionMin: 0x0303, VersionMax: 0x0304, TrustedCiphers: []uint16{0x1301, 0xc02b},
		SessionTTL: ptr(90 * time.Second), SessionReuse: ptr(false), CRLChecks: ptr(false),
	}
	for _, rule := range Rules() { // what is left, which may be 1
		if rule.values != nil && rule.values(&s) == nil {
			_ = s.Set(rule.Option, []byte{0, 0, 0, 1}, binary.BigEndian) // names of suites are none
		}
	}
	s.DisableCipher(0x1302)
	s.DisableCipher(0x1303)
	s.EnableCipher(0xc02f)
	return s
}

func TestOptionListRoundTrip(t *testing.T) {
	for name, want := range map[string]ProgramSettings{"none": {}, "all": fullSettings()} {
		got, err := ParseOptions(want.Options())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v came back as %+v, %v", name, want, got, err)
		}
	}
}

// Every setting that a rule applies, other than those the protocol has fields
// for, is carried: one that is forgotten would be ignored by the service.
func TestOptionListIsComplete(t *testing.T) {
	full := fullSettings()
	carried, err := ParseOptions(full.Options())
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := map[abi.Option]bool{abi.ALPN: true, abi.TrustedPeerCertificates: true}
	for _, rule := range Rules() {
		if rule.apply == nil || elsewhere[rule.Option] {
			continue
		}
		want, got := rule.text(&full), rule.text(&carried)
		if want == "" {
			t.Errorf("the test has no value for %v", rule.Option)
		}
		if got != want {
			t.Errorf("%v is %q after the transport, want %q", rule.Option, got, want)
		}
	}
}

func TestOptionListRefuses(t *testing.T) {
	for name, item := range map[string][]byte{
		"cut short":       {0, 0, 0},
		"unknown option":  {0, 0, 1, 0, 0, 0, 0, 1},
		"not a setting":   append([]byte{0, 0, 0, byte(abi.PrivateKey)}, 0, 0, 0, 1),
		"no version":      {0, 0, 0, byte(abi.VersionMin), 0, 0, 3, 2},
		"no flag":         {0, 0, 0, byte(abi.SessionReuse), 0, 0, 0, 2},
		"short number":    {0, 0, 0, byte(abi.SessionReuse), 1},
		"negative TTL":    {0, 0, 0, byte(abi.SessionTTL), 255, 255, 255, 255},
		"unknown suite":   append([]byte{0, 0, 0, byte(abi.DisableCipher)}, "NONE"...),
		"two suites":      append([]byte{0, 0, 0, byte(abi.DisableCipher)}, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"...),
		"no such auth":    {0, 0, 0, byte(abi.RequestPeerAuth), 0, 0, 0, 3},
		"long number":     {0, 0, 0, byte(abi.SessionReuse), 0, 0, 0, 1, 0},
		"no suite":        {0, 0, 0, byte(abi.TrustedCiphers)},
		"protocols":       append([]byte{0, 0, 0, byte(abi.ALPN)}, "h2"...),
		"suite is no int": {0, 0, 0, byte(abi.TrustedCiphers), 0, 0, 0, 1},
	} {
		if s, err := ParseOptions([][]byte{item}); err == nil ||
			!reflect.DeepEqual(s, ProgramSettings{}) {
			t.Errorf("%s: got %+v and %v, want an error alone", name, s, err)
		}
	}
	if _, err := ParseOptions(make([][]byte, maxOptions+1)); err == nil {
		t.Error("too many options are accepted")
	}
}

func FuzzParseOptions(f *testing.F) {
	full := fullSettings()
	for _, item := range full.Options() {
		f.Add(item)
	}
	f.Fuzz(func(t *testing.T, item []byte) {
		s, err := ParseOptions([][]byte{item})
		if err != nil {
			return
		}
		back, err := ParseOptions(s.Options())
		if err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("%+v came back as %+v, %v", s, back, err)
		}
	})
}
