package policy

import (
	"crypto/tls"
	"fmt"
	"slices"

	"github.com/secure-socket-api/ssa/abi"
)

// versionText names a version that a program asked for, "" when it did not.
func versionText(v uint16) string {
	if v == 0 {
		return ""
	}
	if slices.Contains(versionValues, v) {
		return versionName(v)
	}
	return fmt.Sprintf("0x%04x", v)
}

func (t *tightening) versionMin() error {
	v := t.asked.VersionMin
	switch {
	case v < t.base.MinVersion:
		return t.weaker(abi.VersionMin, "versions.min", versionName(t.base.MinVersion))
	case v > t.base.MaxVersion:
		return t.impossible(abi.VersionMin, "the policy has versions.max %s (%s)",
			versionName(t.base.MaxVersion), t.base.Origin("versions.max"))
	}
	t.to.MinVersion = v
	return nil
}

func (t *tightening) versionMax() error {
	v := t.asked.VersionMax
	switch {
	case v > t.base.MaxVersion:
		return t.weaker(abi.VersionMax, "versions.max", versionName(t.base.MaxVersion))
	case v < t.base.MinVersion:
		return t.weaker(abi.VersionMax, "versions.min", versionName(t.base.MinVersion))
	case v < t.to.MinVersion:
		return t.impossible(abi.VersionMax, "%v is %s", abi.VersionMin, versionName(t.to.MinVersion))
	}
	t.to.MaxVersion = v
	return nil
}

func (e *Effective) hasSuite(id uint16) bool {
	return slices.Contains(e.Suites12(), id) || slices.Contains(e.Suites13(), id)
}

func (e *Effective) suitesText() string {
	return "[" + joinSuites(slices.Concat(e.Suites13(), e.Suites12())) + "]"
}

func (t *tightening) enableCiphers() error {
	for _, id := range t.asked.enabled {
		if !t.base.hasSuite(id) {
			return t.weaker(abi.EnableCipher, "cipher_suites", t.base.suitesText())
		}
	}
	return nil
}

func (t *tightening) trustCiphers() error {
	if !slices.ContainsFunc(t.asked.TrustedCiphers, t.base.hasSuite) {
		return t.weaker(abi.TrustedCiphers, "cipher_suites", t.base.suitesText())
	}
	return t.keepSuites(abi.TrustedCiphers,
		func(id uint16) bool { return slices.Contains(t.asked.TrustedCiphers, id) })
}

func (t *tightening) disableCiphers() error {
	return t.keepSuites(abi.DisableCipher,
		func(id uint16) bool { return !slices.Contains(t.asked.disabled, id) })
}

// keepSuites drops suites in the policy's order. A version that has no suite
// left is not offered, so that an empty list can never mean all.
func (t *tightening) keepSuites(option abi.Option, keep func(uint16) bool) error {
	drop := func(id uint16) bool { return !keep(id) }
	t.to.CipherSuites = slices.DeleteFunc(slices.Clone(t.to.Suites12()), drop)
	t.to.CipherSuites13 = slices.DeleteFunc(slices.Clone(t.to.Suites13()), drop)
	if len(t.to.CipherSuites) == 0 {
		t.to.MinVersion = max(t.to.MinVersion, tls.VersionTLS13)
	}
	if len(t.to.CipherSuites13) == 0 {
		t.to.MaxVersion = min(t.to.MaxVersion, tls.VersionTLS12)
	}
	if t.to.MinVersion > t.to.MaxVersion {
		return t.impossible(option, "no cipher suite is left")
	}
	return nil
}
