package policy

import (
	"crypto/tls"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Names of the TLS versions that may be chosen.
var (
	versionNames  = []string{"1.2", "1.3"}
	versionValues = []uint16{tls.VersionTLS12, tls.VersionTLS13}
)

func versionName(v uint16) string {
	if i := slices.Index(versionValues, v); i >= 0 {
		return versionNames[i]
	}
	return "unknown"
}

// decodeVersion decodes a TLS version.
func decodeVersion(what string, set func(*Effective, uint16)) func(*decoder, *yaml.Node) change {
	return func(d *decoder, n *yaml.Node) change {
		i := d.choice(n, what, versionNames...)
		if i < 0 {
			return nil
		}
		return func(e *Effective) { set(e, versionValues[i]) }
	}
}

// decodeSuites decodes cipher_suites. A list without TLS 1.3 suites leaves those
// as they are; one without TLS 1.2 suites leaves none of TLS 1.2.
func decodeSuites(d *decoder, n *yaml.Node) change {
	ok := true
	suites12, suites13 := []uint16{}, []uint16{}
	isList := d.texts(n, "cipher_suites", func(item *yaml.Node, text string) {
		suite, err := ParseSuite(text)
		switch {
		case err != nil:
			d.problem(item, "cipher_suites: %v", err)
			ok = false
		case suite.TLS13 && !d.honours(suites13Key):
			d.problem(item, "cipher_suites: %s is a suite of TLS 1.3, which can not be chosen by this version yet: TLS 1.3 offers all three", text)
			ok = false
		case slices.Contains(suites12, suite.ID) || slices.Contains(suites13, suite.ID):
			d.problem(item, "cipher_suites: %s is in the list twice, by both its names", text)
			ok = false
		case suite.TLS13:
			suites13 = append(suites13, suite.ID)
		default:
			suites12 = append(suites12, suite.ID)
		}
	})
	if !isList {
		return nil
	}
	if len(n.Content) == 0 {
		d.problem(n, "cipher_suites is an empty list, name at least one of %s", joinSuites(append(slices.Clone(defaultSuites12), defaultSuites13...)))
		return nil
	}
	if !ok {
		return nil
	}
	return func(e *Effective) {
		e.CipherSuites = suites12
		if len(suites13) > 0 {
			e.CipherSuites13 = suites13
		}
	}
}

// joinSuites lists suites by name.
func joinSuites(ids []uint16) string {
	text := ""
	for i, id := range ids {
		if i > 0 {
			text += ", "
		}
		text += SuiteName(id)
	}
	return text
}

// The built-in groups and signature algorithms, best first.
var (
	defaultGroups = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384}

	defaultSignatures = []tls.SignatureScheme{
		tls.ECDSAWithP256AndSHA256, tls.Ed25519, tls.ECDSAWithP384AndSHA384, tls.ECDSAWithP521AndSHA512,
		tls.PSSWithSHA256, tls.PSSWithSHA384, tls.PSSWithSHA512,
		tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512,
	}
)
