package policy

import (
	"crypto/tls"
	"slices"
	"testing"
)

// TestSuitesAreThoseOfTheTLSLibrary checks the table against crypto/tls.
func TestSuitesAreThoseOfTheTLSLibrary(t *testing.T) {
	check := func(want *tls.CipherSuite, insecure bool) {
		i := slices.IndexFunc(suites, func(s Suite) bool { return s.ID == want.ID })
		if i < 0 {
			t.Errorf("%s is not in the table", want.Name)
			return
		}
		got := suites[i]
		if got.IANA != want.Name || got.Insecure != insecure ||
			got.TLS13 != slices.Contains(want.SupportedVersions, tls.VersionTLS13) {
			t.Errorf("the table has %+v for %+v", got, want)
		}
	}
	for _, s := range tls.CipherSuites() {
		check(s, false)
	}
	for _, s := range tls.InsecureCipherSuites() {
		check(s, true)
	}
	if want := len(tls.CipherSuites()) + len(tls.InsecureCipherSuites()); len(suites) != want {
		t.Errorf("the table has %d suites, crypto/tls has %d", len(suites), want)
	}
}

func TestParseSuite(t *testing.T) {
	names := map[string]bool{}
	for _, s := range suites {
		for _, name := range slices.Compact([]string{s.IANA, s.OpenSSL}) {
			if names[name] {
				t.Errorf("the name %s stands for two suites", name)
			}
			names[name] = true
			got, err := ParseSuite(name)
			if s.Insecure != (err != nil) || err == nil && got != s {
				t.Errorf("ParseSuite(%s) is %+v and %v", name, got, err)
			}
		}
	}
}

func TestClientAuthValues(t *testing.T) {
	for value, want := range map[int32]ClientAuth{0: ClientAuthNone, 1: ClientAuthRequire,
		2: ClientAuthRequest} {
		if got, ok := parseClientAuth(value); !ok || got != want || got.optionValue() != value {
			t.Errorf("the option value %d is %v, want %v", value, got, want)
		}
	}
	for _, value := range []int32{-1, 3, 1 << 30} {
		if got, ok := parseClientAuth(value); ok {
			t.Errorf("the option value %d is %v, want none", value, got)
		}
	}
}
