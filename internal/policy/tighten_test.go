package policy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
)

const tightPolicy = `
default:
  versions: {min: "1.2"}
  cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256, ECDHE-RSA-AES256-GCM-SHA384, TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384]
  trust: {revocation: prefer}
  sessions: {lifetime: 10m}
  server: {client_auth: request, alpn: [h2], ocsp_stapling: on}
profiles:
  - {name: only13, match: {user: 1}, versions: {min: "1.3"}}
  - {name: only12, match: {user: 2}, versions: {max: "1.2"}}
  - {name: unresumed, match: {user: 3}, sessions: {resumption: off}}
  - {name: required, match: {user: 4}, trust: {revocation: require}, server: {client_auth: require}}
  - {name: open, match: {user: 5}, trust: {revocation: off}, server: {client_auth: none, alpn: [], ocsp_stapling: off}}
  - {name: few, match: {user: 6}, program_options: [TLS_ALPN, TLS_VERSION_MIN]}
`

func ptr[T any](v T) *T { return &v }

// ask is one thing a program may ask for by an option.
type ask struct {
	option abi.Option
	name   string
	set    func(*ProgramSettings)
}

// asks lists values for every option that ProgramSettings holds.
func asks() []ask {
	var all []ask
	add := func(option abi.Option, value any, set func(*ProgramSettings)) {
		all = append(all, ask{option, fmt.Sprintf("%v=%v", option, value), set})
	}
	for _, v := range []uint16{0x0301, 0x0303, 0x0304, 0x0305} {
		add(abi.VersionMin, v, func(s *ProgramSettings) { s.VersionMin = v })
		add(abi.VersionMax, v, func(s *ProgramSettings) { s.VersionMax = v })
	}
	for _, suite := range suites {
		if suite.Insecure {
			continue
		}
		add(abi.EnableCipher, suite.IANA, func(s *ProgramSettings) { s.EnableCipher(suite.ID) })
		add(abi.DisableCipher, suite.IANA, func(s *ProgramSettings) { s.DisableCipher(suite.ID) })
		add(abi.TrustedCiphers, suite.IANA,
			func(s *ProgramSettings) { s.TrustedCiphers = append(s.TrustedCiphers, suite.ID) })
	}
	add(abi.DisableCipher, "all", func(s *ProgramSettings) {
		for _, suite := range suites {
			s.DisableCipher(suite.ID)
		}
	})
	add(abi.TrustedCiphers, "none", func(s *ProgramSettings) { s.TrustedCiphers = []uint16{} })
	for _, v := range []time.Duration{-1, 0, time.Minute, 10 * time.Minute, time.Hour} {
		add(abi.SessionTTL, v, func(s *ProgramSettings) { s.SessionTTL = &v })
	}
	for _, v := range []ClientAuth{ClientAuthNone, ClientAuthRequest, ClientAuthRequire} {
		add(abi.RequestPeerAuth, v, func(s *ProgramSettings) { s.PeerAuth = &v })
	}
	for _, v := range []bool{false, true} {
		add(abi.SessionReuse, v, func(s *ProgramSettings) { s.SessionReuse = &v })
		add(abi.RevocationChecks, v, func(s *ProgramSettings) { s.RevocationChecks = &v })
		add(abi.OCSPStapledChecks, v, func(s *ProgramSettings) { s.OCSPStapledChecks = &v })
		add(abi.OCSPChecks, v, func(s *ProgramSettings) { s.OCSPChecks = &v })
		add(abi.CRLChecks, v, func(s *ProgramSettings) { s.CRLChecks = &v })
		add(abi.CachedRevChecks, v, func(s *ProgramSettings) { s.CachedRevChecks = &v })
		add(abi.ServerOCSPStapling, v, func(s *ProgramSettings) { s.OCSPStapling = &v })
	}
	for _, v := range []string{"h2", "http/1.1"} {
		add(abi.ALPN, v, func(s *ProgramSettings) { s.ALPN = append(s.ALPN, v) })
	}
	add(abi.TrustedPeerCertificates, "given", func(s *ProgramSettings) { s.Roots = true })
	return all
}

// weakness says in what a value is weaker than the policy's, "" for nothing. It
// is written without regard to how Tighten works.
func weakness(e, base *Effective, s *ProgramSettings) string {
	subset := func(a, b []uint16) bool {
		return a != nil &&
			!slices.ContainsFunc(a, func(id uint16) bool { return !slices.Contains(b, id) })
	}
	switch {
	case e.MinVersion < base.MinVersion, e.MaxVersion > base.MaxVersion, e.MinVersion > e.MaxVersion:
		return "versions"
	case !subset(e.CipherSuites, base.CipherSuites), !subset(e.CipherSuites13, base.CipherSuites13):
		return "suites"
	case len(e.CipherSuites) == 0 && e.MinVersion < tls.VersionTLS13,
		len(e.CipherSuites13) == 0 && e.MaxVersion > tls.VersionTLS12:
		return "a version without suites"
	case e.Resumption && !base.Resumption, e.Lifetime > base.Lifetime, e.Resumption && e.Lifetime <= 0:
		return "sessions"
	case e.ClientAuth < base.ClientAuth:
		return "client authentication"
	case e.Revocation < base.Revocation:
		return "revocation"
	case base.Revocation == RevocationPrefer && e.RevocationWays != base.RevocationWays:
		return "ways to learn of revocation"
	case e.Revocation == RevocationRequire &&
		e.RevocationWays == RevocationWays{Cached: e.RevocationWays.Cached}:
		return "no way to learn of revocation"
	case base.OCSPStapling && !e.OCSPStapling:
		return "stapling"
	case s.Server && len(base.ServerALPN) > 0 && slices.Contains(s.ALPN, "http/1.1"):
		return "protocols of a server"
	case e.SkipVerify != base.SkipVerify, e.ProgramRoots != base.ProgramRoots,
		e.Anchors != base.Anchors, e.SloppyEnd != base.SloppyEnd:
		return "trust"
	}
	return ""
}

// TestNoPairWeakens asks for every pair of things, under every profile, as
// client and as server, in both orders.
func TestNoPairWeakens(t *testing.T) {
	p := mustParse(t, tightPolicy)
	accepted, refused := 0, 0
	for _, base := range append(p.Profiles(), p.Default(), Builtin().Default()) {
		for _, server := range []bool{false, true} {
			for _, a := range asks() {
				for _, b := range asks() {
					s := ProgramSettings{Server: server}
					a.set(&s)
					b.set(&s)
					got, err := Tighten(base, s)
					name := fmt.Sprintf("profile %s, server %v: %s then %s", base.Profile, server, a.name, b.name)
					if (got == nil) == (err == nil) {
						t.Fatalf("%s: value %v with error %v", name, got, err)
					}
					if err != nil {
						refused++
						checkRefusal(t, name, err, base)
						continue
					}
					accepted++
					if weak := weakness(got, base, &s); weak != "" {
						t.Errorf("%s: weaker in %s", name, weak)
					}
					if got.Base() != base {
						t.Errorf("%s: base is not the policy's value", name)
					}
				}
			}
		}
	}
	if accepted == 0 || refused == 0 {
		t.Errorf("%d pairs accepted and %d refused, want some of both", accepted, refused)
	}
}

// checkRefusal checks that an error has its type and names the policy's line.
func checkRefusal(t *testing.T, name string, err error, base *Effective) {
	t.Helper()
	var weaker *Weaker
	var impossible *Impossible
	switch {
	case errors.As(err, &weaker):
		if weaker.At != base.Origin(weaker.Key) ||
			(weaker.Value == "") != (weaker.Key == "program_options") || weaker.Limit == "" {
			t.Errorf("%s: incomplete error %+v", name, weaker)
		}
	case !errors.As(err, &impossible):
		t.Errorf("%s: error %v has type %T", name, err, err)
	}
}

// TestTightenMessages has the outcome of one request each.
func TestTightenMessages(t *testing.T) {
	p := mustParse(t, tightPolicy)
	suite := func(name string) uint16 {
		s, err := ParseSuite(name)
		if err != nil {
			t.Fatal(err)
		}
		return s.ID
	}
	const at = "/etc/ssa/policy.yaml"
	tests := []struct {
		name string
		uid  uint32
		set  func(*ProgramSettings)
		want string // the error, "" for none
	}{
		{"min lowered", 1, func(s *ProgramSettings) { s.VersionMin = 0x0303 },
			"TLS_VERSION_MIN 1.2 is not allowed: the policy has versions.min 1.3 (" + at + ":9:54)"},
		{"min raised", 0, func(s *ProgramSettings) { s.VersionMin = 0x0304 }, ""},
		{"min above max", 2, func(s *ProgramSettings) { s.VersionMin = 0x0304 },
			"TLS_VERSION_MIN 1.3 is not possible: the policy has versions.max 1.2 (" + at + ":10:54)"},
		{"max raised", 2, func(s *ProgramSettings) { s.VersionMax = 0x0304 },
			"TLS_VERSION_MAX 1.3 is not allowed: the policy has versions.max 1.2 (" + at + ":10:54)"},
		{"own max below own min", 0, func(s *ProgramSettings) { s.VersionMin, s.VersionMax = 0x0304, 0x0303 },
			"TLS_VERSION_MAX 1.2 is not possible: TLS_VERSION_MIN is 1.3"},
		{"suite beyond the policy", 0, func(s *ProgramSettings) { s.EnableCipher(suite("ECDHE-ECDSA-AES128-SHA")) },
			"TLS_ENABLE_CIPHER TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA is not allowed: the policy has cipher_suites [TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384] (" + at + ":4:18)"},
		{"disabled and enabled again", 0, func(s *ProgramSettings) {
			s.DisableCipher(suite("ECDHE-RSA-AES128-GCM-SHA256"))
			s.EnableCipher(suite("ECDHE-RSA-AES128-GCM-SHA256"))
		}, ""},
		{"all suites of TLS 1.2 disabled under 1.2", 2, func(s *ProgramSettings) {
			s.DisableCipher(suite("ECDHE-RSA-AES128-GCM-SHA256"))
			s.DisableCipher(suite("ECDHE-RSA-AES256-GCM-SHA384"))
		}, "TLS_DISABLE_CIPHER TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 is not possible: no cipher suite is left"},
		{"longer session", 0, func(s *ProgramSettings) { s.SessionTTL = ptr(time.Hour) },
			"TLS_SESSION_TTL 3600 is not allowed: the policy has sessions.lifetime 10m (" + at + ":6:24)"},
		{"sessions where none are", 3, func(s *ProgramSettings) { s.SessionReuse = ptr(true) },
			"TLS_SESSION_REUSE 1 is not allowed: the policy has sessions.resumption off (" + at + ":11:64)"},
		{"no client certificates", 0, func(s *ProgramSettings) { s.PeerAuth = ptr(ClientAuthNone) },
			"TLS_REQUEST_PEER_AUTH 0 is not allowed: the policy has server.client_auth request (" + at + ":7:25)"},
		{"optional where required", 4, func(s *ProgramSettings) { s.PeerAuth = ptr(ClientAuthRequest) },
			"TLS_REQUEST_PEER_AUTH 2 is not allowed: the policy has server.client_auth require (" + at + ":12:92)"},
		{"no revocation", 0, func(s *ProgramSettings) { s.RevocationChecks = ptr(false) },
			"TLS_REVOCATION_CHECKS 0 is not allowed: the policy has trust.revocation prefer (" + at + ":5:23)"},
		{"no revocation where none is", 5, func(s *ProgramSettings) { s.RevocationChecks = ptr(false) }, ""},
		{"a way closed under prefer", 0, func(s *ProgramSettings) { s.OCSPChecks = ptr(false) },
			"TLS_OCSP_CHECKS 0 is not allowed: the policy has trust.revocation prefer (" + at + ":5:23)"},
		{"a way closed under require", 4, func(s *ProgramSettings) { s.OCSPChecks = ptr(false) }, ""},
		{"all ways closed", 4, func(s *ProgramSettings) {
			s.OCSPStapledChecks, s.OCSPChecks, s.CRLChecks = ptr(false), ptr(false), ptr(false)
		}, "TLS_CRL_CHECKS 0 is not possible: an answer about revocation is required, and no way to get one is left"},
		{"protocol of a client", 0, func(s *ProgramSettings) { s.ALPN = []string{"irc"} }, ""},
		{"protocol of a server", 0, func(s *ProgramSettings) { s.Server, s.ALPN = true, []string{"h2", "irc"} },
			"TLS_ALPN h2,irc is not allowed: the policy has server.alpn [h2] (" + at + ":7:40)"},
		{"no staples", 0, func(s *ProgramSettings) { s.OCSPStapling = ptr(false) },
			"TLS_SERVER_OCSP_STAPLING 0 is not allowed: the policy has server.ocsp_stapling on (" + at + ":7:61)"},
		{"an option that may be used", 6, func(s *ProgramSettings) { s.VersionMin = 0x0304 }, ""},
		{"an option that may not be used", 6, func(s *ProgramSettings) { s.VersionMax = 0x0303 },
			"TLS_VERSION_MAX is not allowed: the policy has program_options [TLS_ALPN, TLS_VERSION_MIN] (" + at + ":14:52)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s ProgramSettings
			tt.set(&s)
			_, err := Tighten(p.For(subject.Program{UID: tt.uid}), s)
			if got := fmt.Sprint(err); tt.want != got && (tt.want != "" || err != nil) {
				t.Errorf("error\n %s\nwant\n %s", got, tt.want)
			}
		})
	}
}

func TestTightenNothing(t *testing.T) {
	base := Builtin().Default()
	for _, s := range []ProgramSettings{{}, {Server: true}} {
		if got, err := Tighten(base, s); got != base || err != nil {
			t.Errorf("Tighten with %+v gave %p and %v, want the policy's value %p itself", s, got, err, base)
		}
	}
}

func TestTightenSuites(t *testing.T) {
	aes128 := tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	base := Builtin().Default()
	before := fmt.Sprint(base.CipherSuites, base.CipherSuites13)
	got, err := Tighten(base, ProgramSettings{TrustedCiphers: []uint16{aes128}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.CipherSuites, []uint16{aes128}) || got.MaxVersion != tls.VersionTLS12 {
		t.Errorf("with one suite of TLS 1.2 trusted: suites %v and maximum %#x, want [%v] and 0x303", got.CipherSuites, got.MaxVersion, aes128)
	}
	got, err = Tighten(base, ProgramSettings{TrustedCiphers: []uint16{tls.TLS_AES_256_GCM_SHA384}})
	if err != nil {
		t.Fatal(err)
	}
	if got.CipherSuites == nil || len(got.CipherSuites) != 0 || got.MinVersion != tls.VersionTLS13 {
		t.Errorf("with one suite of TLS 1.3 trusted: suites %#v and minimum %#x, want an empty list and 0x304", got.CipherSuites, got.MinVersion)
	}
	if after := fmt.Sprint(base.CipherSuites, base.CipherSuites13); after != before {
		t.Errorf("the policy's own value changed from %s to %s", before, after)
	}
	got, err = Tighten(&Effective{MinVersion: 0x0303, MaxVersion: 0x0304},
		ProgramSettings{disabled: []uint16{aes128}})
	if err != nil || slices.Contains(got.CipherSuites, aes128) ||
		len(got.CipherSuites) != len(defaultSuites12)-1 {
		t.Errorf("disabling a suite of the built-in list gave %v and %v", got, err)
	}
}

// TestRulesCoverTheContract checks the table against the options of package
// abi, and that every rule's key exists.
func TestRulesCoverTheContract(t *testing.T) {
	rules := map[abi.Option]Rule{}
	for _, r := range Rules() {
		if _, twice := rules[r.Option]; twice {
			t.Errorf("%v has two rules", r.Option)
		}
		rules[r.Option] = r
		if _, ok := findKey(r.Key); !ok && r.Key != "" {
			t.Errorf("the rule of %v names the key %q, which does not exist", r.Option, r.Key)
		}
		if r.Tighter == "" {
			t.Errorf("the rule of %v does not say what is tighter", r.Option)
		}
	}
	for _, o := range abi.Options {
		if _, ok := rules[o.Option]; ok != (o.Set != abi.Never) {
			t.Errorf("%v can be set: %v, has a rule: %v", o.Option, o.Set != abi.Never, ok)
		}
		delete(rules, o.Option)
	}
	for o := range rules {
		t.Errorf("a rule for option %d, which does not exist", o)
	}
	asked := map[abi.Option]bool{}
	for _, a := range asks() {
		asked[a.option] = true
	}
	for _, r := range Rules() {
		if r.Key != "" && !asked[r.Option] {
			t.Errorf("the test of pairs does not ask for %v", r.Option)
		}
	}
}
