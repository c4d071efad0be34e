package cryptopolicies

import (
	"slices"
	"strings"
)

// readGnuTLS reads gnutls.config in its allowlist form, see
// gnutls(5) and "System-wide configuration of the library".
func (s *Settings) readGnuTLS(name string, lines []string) error {
	section, mode := "", ""
	a := &allowed{}
	for i, line := range lines {
		at := Place{name, i + 1}
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "[") {
			section = strings.ToLower(strings.Trim(text, "[] \t"))
			continue
		}
		key, text, ok := assignment(line)
		if !ok {
			continue
		}
		switch section {
		case "global":
			if key == "override-mode" {
				mode = text
			}
		case "overrides":
			s.readGnuTLSOverride(a, strings.ToLower(key), text, at)
		}
	}
	if mode != "allowlist" {
		return &FormatError{Place{name, 0}, "its override-mode is not allowlist; try back-ends/opensslcnf.config"}
	}
	s.setAllowed(a)
	return nil
}

func (s *Settings) readGnuTLSOverride(a *allowed, key, text string, at Place) {
	switch key {
	case "enabled-version":
		a.add(&a.versions, text, at)
	case "tls-enabled-cipher":
		a.add(&a.ciphers, text, at)
	case "tls-enabled-mac":
		a.add(&a.macs, text, at)
	case "tls-enabled-kx":
		a.add(&a.exchanges, text, at)
	case "tls-enabled-group":
		a.add(&a.groups, text, at)
	case "secure-sig":
		a.add(&a.signatures, text, at)
	case "min-verification-profile":
		bits, ok := profiles[strings.ToLower(text)]
		if !ok {
			s.note(at, "the verification profile %s, for which ssa has no setting", clip(text))
			return
		}
		s.understood++
		s.setRSA(bits[0], at)
		s.setECDSA(bits[1], at)
	case "secure-hash", "enabled-curve", "secure-sig-for-cert": // follow from the others
	default:
		s.note(at, "%s, for which ssa has no setting", clip(key))
	}
}

// profiles are the smallest RSA and ECDSA keys of GnuTLS' verification
// profiles, see "Selecting cryptographic key sizes" in its manual.
var profiles = map[string][2]int{
	"low": {1024, 160}, "legacy": {1776, 192}, "medium": {2048, 224}, "high": {3072, 256}, "ultra": {8192, 384}, "future": {15360, 512},
}

// allowed are lists of names that are allowed, in the words of GnuTLS or of
// crypto-policies.
type allowed struct {
	versions, ciphers, macs, exchanges, groups, signatures value[[]string]
}

// add appends a name; the place is that of the first one.
func (a *allowed) add(to *value[[]string], name string, at Place) {
	const most = 1000
	if !to.said {
		to.set(nil, at)
	}
	if len(to.v) < most {
		to.v = append(to.v, name)
	}
}

// setAllowed translates the lists.
func (s *Settings) setAllowed(a *allowed) {
	if a.versions.said {
		s.setVersions(a.versions.v, a.versions.at)
	}
	if a.ciphers.said {
		s.setCiphers(a)
	}
	if a.groups.said {
		s.setNamed(&s.groups, "groups", a.groups.v, group, a.groups.at)
	}
	if a.signatures.said {
		s.setNamed(&s.signatures, "signature algorithms", a.signatures.v, signature, a.signatures.at)
	}
}

// setVersions sets the bounds from a list of versions.
func (s *Settings) setVersions(names []string, at Place) {
	var got []string
	for _, name := range names {
		switch v := version(name); v {
		case "old":
			s.note(at, "%s: ssa has nothing older than TLS 1.2", clip(name))
		case "1.2", "1.3":
			got = append(got, v)
		}
	}
	if len(got) == 0 {
		s.note(at, "a list of versions without TLS 1.2 and 1.3")
		return
	}
	s.understood++
	s.min.set(slices.Min(got), at)
	s.max.set(slices.Max(got), at)
}

// setCiphers makes suites of ciphers, key exchanges and codes.
func (s *Settings) setCiphers(a *allowed) {
	at := a.ciphers.at
	exchange := func(auth string) bool {
		return !a.exchanges.said || slices.Contains(a.exchanges.v, "ECDHE") ||
			slices.Contains(a.exchanges.v, "ECDHE-"+auth)
	}
	sha1 := !a.macs.said || slices.Contains(a.macs.v, "SHA1") || slices.Contains(a.macs.v, "HMAC-SHA1")
	var other, got13 []string
	var got12 []suite
	for _, cipher := range a.ciphers.v {
		if name := ciphers13[cipher]; name != "" && !slices.Contains(got13, name) {
			got13 = append(got13, name)
		}
		known := false
		for _, x := range all() {
			if x.cipher != cipher {
				continue
			}
			known = true
			if exchange(x.auth) && (sha1 || !strings.HasSuffix(cipher, "-CBC")) &&
				!slices.Contains(got12, x) {
				got12 = append(got12, x)
			}
		}
		if !known {
			other = append(other, cipher)
		}
	}
	s.noteUnknown(at, "ciphers", other)
	others := slices.DeleteFunc(slices.Clone(a.exchanges.v),
		func(x string) bool { return x == "ECDHE" || x == "ECDHE-RSA" || x == "ECDHE-ECDSA" })
	s.noteExchanges(others, a.exchanges.at)
	s.understood++
	s.suites13.set(got13, at)
	s.setSuites12(got12, at)
}
