package policy

import (
	"crypto/tls"
	"slices"
	"strings"

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
func joinSuites(ids []uint16) string { return strings.Join(namesOf(ids), ", ") }

func namesOf(ids []uint16) []string {
	var names []string
	for _, id := range ids {
		names = append(names, SuiteName(id))
	}
	return names
}

// The groups that may be chosen.
var groups = []named[tls.CurveID]{
	{"X25519MLKEM768", tls.X25519MLKEM768},
	{"SecP256r1MLKEM768", tls.SecP256r1MLKEM768},
	{"SecP384r1MLKEM1024", tls.SecP384r1MLKEM1024},
	{"X25519", tls.X25519},
	{"P-256", tls.CurveP256},
	{"P-384", tls.CurveP384},
	{"P-521", tls.CurveP521},
}

// AllGroups lists the groups that may be chosen.
func AllGroups() []tls.CurveID {
	var all []tls.CurveID
	for _, row := range groups {
		all = append(all, row.value)
	}
	return all
}

// hasClassicGroup reports whether one of the groups can be used with TLS 1.2:
// none that is hybrid.
func hasClassicGroup(ids []tls.CurveID) bool {
	return slices.ContainsFunc(ids, func(id tls.CurveID) bool {
		return slices.Contains([]tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}, id)
	})
}

// The signature algorithms that may be chosen, with their IANA names, best
// first.
var signatures = []named[tls.SignatureScheme]{
	{"ecdsa_secp256r1_sha256", tls.ECDSAWithP256AndSHA256},
	{"ed25519", tls.Ed25519},
	{"ecdsa_secp384r1_sha384", tls.ECDSAWithP384AndSHA384},
	{"ecdsa_secp521r1_sha512", tls.ECDSAWithP521AndSHA512},
	{"rsa_pss_rsae_sha256", tls.PSSWithSHA256},
	{"rsa_pss_rsae_sha384", tls.PSSWithSHA384},
	{"rsa_pss_rsae_sha512", tls.PSSWithSHA512},
	{"rsa_pkcs1_sha256", tls.PKCS1WithSHA256},
	{"rsa_pkcs1_sha384", tls.PKCS1WithSHA384},
	{"rsa_pkcs1_sha512", tls.PKCS1WithSHA512},
}
