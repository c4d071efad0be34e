package probe

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// Refusal says why there is no connection.
type Refusal struct {
	Reason   string `json:"reason"` // a word for scripts
	Cause    string `json:"cause,omitempty"`
	Sentence string `json:"sentence"`
	// Rules are those of the policy that stand in the way; none for what TLS
	// itself does not allow.
	Rules []Rule `json:"rules"`
	// Remedies say what the peer would have to change.
	Remedies []string `json:"remedies"`
}

// Rule is one key of the policy.
type Rule struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"` // a place, or "built-in"
}

// setting is what the policy has for a key, as a file would have it.
func (r *run) setting(key string) string {
	for _, s := range r.cfg.Policy.Settings() {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func (r *run) rule(key string) {
	for _, s := range r.cfg.Policy.Settings() {
		if s.Key != key {
			continue
		}
		from := "built-in"
		if s.At != (policy.Position{}) {
			from = s.At.String()
		}
		r.report.Refusal.Rules = append(r.report.Refusal.Rules, Rule{s.Key, s.Value, from})
	}
}

func (r *run) remedy(format string, args ...any) {
	r.report.Refusal.Remedies = append(r.report.Refusal.Remedies, fmt.Sprintf(format, args...))
}

// blameProtocol compares what the peer has with what the policy allows.
func (r *run) blameProtocol(state *tls.ConnectionState) {
	pol := r.cfg.Policy
	switch {
	case state.Version < pol.MinVersion:
		r.rule("versions.min")
		r.remedy("support %s or later; it chose %s", tls.VersionName(pol.MinVersion),
			tls.VersionName(state.Version))
	case state.Version > pol.MaxVersion:
		r.rule("versions.max")
		r.remedy("support %s; it chose %s", tls.VersionName(pol.MaxVersion),
			tls.VersionName(state.Version))
	}
	if suites := suitesFor(pol, state.Version); !slices.Contains(suites, state.CipherSuite) &&
		len(suites) > 0 {
		r.rule("cipher_suites")
		r.remedy("support a suite of cipher_suites; it chose %s", tls.CipherSuiteName(state.CipherSuite))
	}
	if state.CurveID != 0 && !slices.Contains(pol.KeyExchange, state.CurveID) {
		r.rule("key_exchange")
		r.remedy("support a group of key_exchange; it chose %s", state.CurveID)
	}
}

// suitesFor returns what the policy has for a version, nothing for those that
// have only broken suites.
func suitesFor(pol *policy.Effective, version uint16) []uint16 {
	switch version {
	case tls.VersionTLS13:
		return pol.CipherSuites13
	case tls.VersionTLS12:
		return pol.CipherSuites
	}
	return nil
}

// blameTrust names the rule behind a cause, and what would remove it.
func (r *run) blameTrust(err *trust.Error, state *tls.ConnectionState) {
	r.report.Refusal.Cause = strings.ReplaceAll(err.Cause.String(), " ", "-")
	name := clean(r.cfg.Name)
	switch err.Cause {
	case trust.NoCertificate:
		r.remedy("send a certificate")
	case trust.Expired:
		r.remedy("renew the certificate that has expired")
	case trust.NotYetValid:
		r.remedy("wait, or set the clock of whoever is wrong")
	case trust.WrongName:
		r.remedy("get a certificate with %s in its subjectAltName, or be asked for by a name that it has (--servername)", name)
	case trust.SelfSigned, trust.UnknownAnchor:
		r.rule("trust.roots")
		r.remedy("get a certificate of an authority that is trusted, and send the intermediate certificates with it")
	case trust.WrongUsage:
		r.remedy("get a certificate for servers (serverAuth)")
	case trust.Constrained, trust.Other:
		r.blameDepth(state)
	case trust.Weak:
		r.blameWeakness(state)
	case trust.Revoked:
		r.rule("trust.revocation")
		r.remedy("replace the revoked certificate")
	case trust.RevocationUnknown, trust.NotStapled:
		r.rule("trust.revocation")
		r.remedy("staple a valid OCSP response")
	case trust.NotLogged:
		r.rule("trust.transparency")
		r.remedy("get a certificate with timestamps of logs that the list has")
	case trust.NotPinned:
		r.rule("trust.pins")
		r.remedy("show a key that is pinned for %s", name)
	}
}

func (r *run) blameDepth(state *tls.ConnectionState) {
	if state != nil && r.cfg.Policy.MaxDepth > 0 &&
		len(state.PeerCertificates) >= r.cfg.Policy.MaxDepth {
		r.rule("trust.max_depth")
		r.remedy("send a shorter chain")
		return
	}
	r.remedy("get a certificate that its issuer may issue")
}

// blameWeakness looks for the keys that are too small; without one, it was a
// signature.
func (r *run) blameWeakness(state *tls.ConnectionState) {
	pol := r.cfg.Policy
	found := false
	if state != nil {
		for _, cert := range state.PeerCertificates {
			switch key := cert.PublicKey.(type) {
			case *rsa.PublicKey:
				if key.N.BitLen() < pol.MinRSABits {
					found = true
					r.rule("min_key_bits.rsa")
				}
			case *ecdsa.PublicKey:
				if key.Curve.Params().BitSize < pol.MinECDSABits {
					found = true
					r.rule("min_key_bits.ecdsa")
				}
			}
			if found {
				r.remedy("get a certificate with a larger key, in the whole chain")
				return
			}
		}
	}
	r.rule("signature_algorithms")
	r.remedy("get a certificate with a better signature, in the whole chain")
}
