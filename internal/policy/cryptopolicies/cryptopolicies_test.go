package cryptopolicies

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/policy"
)

const opensslcnf = `CipherString = @SECLEVEL=2:kEECDH:kRSA:kEDH:kPSK:-aDSS:-3DES:!DES:!RC4:!eNULL:!aNULL:!MD5:-SHA384:-CAMELLIA:-AESCCM8
Ciphersuites = TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256
TLS.MinProtocol = TLSv1.2
TLS.MaxProtocol = TLSv1.3
DTLS.MinProtocol = DTLSv1.2
SignatureAlgorithms = ECDSA+SHA256:ed25519:ed448:rsa_pss_pss_sha256:rsa_pss_rsae_sha256:RSA+SHA256:ECDSA+SHA224
Groups = ?*X25519MLKEM768:X448/x25519:secp256r1:ffdhe2048
[openssl_init]
alg_section = evp_properties
`

const gnutls = `[global]
override-mode = allowlist

[overrides]
secure-hash = SHA256
tls-enabled-mac = AEAD
tls-enabled-group = GROUP-X25519
tls-enabled-group = GROUP-SECP384R1
tls-enabled-group = GROUP-FFDHE2048
secure-sig = RSA-PSS-RSAE-SHA256
secure-sig = ECDSA-SECP256R1-SHA256 # for 1.3
secure-sig-for-cert = RSA-SHA1
tls-enabled-cipher = AES-256-GCM
tls-enabled-cipher = AES-256-CCM
tls-enabled-cipher = AES-256-CBC
tls-enabled-kx = ECDHE-RSA
tls-enabled-kx = DHE-RSA
enabled-version = TLS1.3
enabled-version = TLS1.2
enabled-version = DTLS1.2
min-verification-profile = high

[priorities]
SYSTEM=NONE
`

const pol = `# a policy of ours
mac = AEAD HMAC-SHA2-256 HMAC-SHA1
mac@Kerberos = HMAC-SHA1
group = MLKEM768-X25519 X25519 \
        SECP256R1 X448
sign = ECDSA-SHA2-256 RSA-PSS-SHA2-256 EDDSA-ED25519 RSA-SHA1
sign = -*-SHA1
cipher = AES-256-GCM CHACHA20-POLY1305 AES-256-CTR AES-128-GCM
cipher@{TLS,SSH} = -*-CTR -AES-128-*
cipher@!TLS = 3DES-CBC
cipher@SSH = AES-128-CTR
key_exchange = ECDHE RSA
protocol@TLS = TLS1.3 TLS1.2 DTLS1.2
protocol@IKE = IKEv2
min_dh_size = 3072
min_rsa_size = 3072
sha1_in_certs = 1
`

func TestPropose(t *testing.T) {
	tests := []struct {
		name, file, text string
		want             map[string]string // settings of the default; others are built-in
		parts            []string          // of the text
	}{
		{"openssl", "back-ends/opensslcnf.config", opensslcnf, map[string]string{
			"cipher_suites": "[TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256, " +
				"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, " +
				"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, " +
				"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
			"key_exchange":         "[X25519MLKEM768, X25519, P-256]",
			"signature_algorithms": "[ecdsa_secp256r1_sha256, ed25519, rsa_pss_rsae_sha256, rsa_pkcs1_sha256]",
		}, []string{
			`min: "1.2"  # back-ends/opensslcnf.config:3`, "cipher_suites:  # back-ends/opensslcnf.config:2, back-ends/opensslcnf.config:1",
			"#   back-ends/opensslcnf.config:2: TLS 1.3 suites that ssa does not have: TLS_AES_128_CCM_SHA256",
			"opensslcnf.config:1: kRSA, kEDH, kPSK: ssa has key exchange by ECDHE alone", "opensslcnf.config:7: groups that ssa does not have: X448, ffdhe2048",
			"suites with CBC", "ECDSA keys of 224 bits: the built-in least of 256 stays", "rsa: 2048  # back-ends/opensslcnf.config:1",
		}},
		{"openssl, strong", "opensslcnf.config", "CipherString = @SECLEVEL=4:ECDHE+AESGCM\nMinProtocol = TLSv1.2\nCiphersuites = TLS_AES_256_GCM_SHA384\n",
			map[string]string{"min_key_bits.rsa": "7680", "min_key_bits.ecdsa": "384",
				"cipher_suites": "[TLS_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]"}, nil},
		{"openssl, legacy", "opensslcnf.config", "CipherString = @SECLEVEL=1:DEFAULT\nTLS.MinProtocol = TLSv1\n", nil,
			[]string{"the oldest version TLSv1: ssa has nothing older", "RSA keys of 1024 bits: the built-in least of 2048 stays"}},
		{"openssl, tls 1.3 suites alone", "opensslcnf.config", "Ciphersuites = TLS_AES_256_GCM_SHA384\n",
			map[string]string{"cipher_suites": "[TLS_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, " +
				"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, " +
				"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]"}, nil},
		{"cipher string", "openssl.config", "@SECLEVEL=3:kEECDH:!CHACHA20:-AES256:+aECDSA\n", map[string]string{
			"min_key_bits.rsa": "3072", "cipher_suites": "[TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, " +
				"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"}, nil},
		{"no suite of TLS 1.2", "openssl.config", "@SECLEVEL=2:kRSA\n", map[string]string{
			"versions.min": `"1.3"`, "cipher_suites": "[TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, " +
				"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, " +
				"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256]"},
			[]string{"TLS 1.2: none of its suites"}},
		{"gnutls", "gnutls.config", gnutls, map[string]string{
			"min_key_bits.rsa": "3072", "key_exchange": "[X25519, P-384]", "signature_algorithms": "[rsa_pss_rsae_sha256, ecdsa_secp256r1_sha256]",
			"cipher_suites": "[TLS_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
		}, []string{"groups that ssa does not have: GROUP-FFDHE2048", "DHE-RSA: ssa has key exchange by ECDHE alone", "rsa: 3072  # gnutls.config:21"}},
		{"pol", "OURS.pol", pol, map[string]string{
			"min_key_bits.rsa": "3072", "key_exchange": "[X25519MLKEM768, X25519, P-256]",
			"signature_algorithms": "[ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, ed25519]",
			"cipher_suites": "[TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, " +
				"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256]",
		}, []string{"groups that ssa does not have: X448", "RSA: ssa has key exchange by ECDHE alone",
			"SHA-1 in certificates", "rsa: 3072  # OURS.pol:16"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Parse(test.file, []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			text, err := s.Propose()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, text, test.want)
			for _, part := range test.parts {
				if !strings.Contains(text, part) {
					t.Errorf("no %q in\n%s", part, text)
				}
			}
		})
	}
}

// compare loads a proposal and compares its settings.
func compare(t *testing.T, text string, want map[string]string) {
	t.Helper()
	p, err := policy.Parse("/proposal.yaml", []byte(text))
	if err != nil {
		t.Fatalf("the proposal does not load: %v\n%s", err, text)
	}
	builtin := policy.Builtin().Default().Settings()
	for i, s := range p.Default().Settings() {
		expected, ok := want[s.Key]
		if !ok {
			expected = builtin[i].Value
		}
		if !ok && s.Key == "cipher_suites" { // the order is OpenSSL's
			continue
		}
		if s.Value != expected {
			t.Errorf("%s is\n\t%s, want\n\t%s", s.Key, s.Value, expected)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct{ name, file, text, want string }{
		{"nothing", "opensslcnf.config", "", "neither settings of OpenSSL"},
		{"something else", "sshd_config", "Ciphers aes128-ctr\n", "neither settings of OpenSSL"},
		{"module", "NO-SHA1.pmod", "hash = -SHA1\n", "a policy module changes a policy"},
		{"pol for SSH alone", "A.pol", "cipher@SSH = AES-128-CTR\n", "says nothing of TLS"},
		{"old gnutls", "gnutls.config", "[global]\n[priorities]\nSYSTEM=NONE:+MAC-ALL\n", "override-mode is not allowlist"},
		{"no suite", "opensslcnf.config", "CipherString = kRSA\nCiphersuites = TLS_AES_128_CCM_SHA256\n", "no cipher suite"},
		{"no version", "opensslcnf.config", "CipherString = DEFAULT\nMinProtocol = TLSv1.3\nMaxProtocol = TLSv1.2\n", "no version of TLS"},
		{"no group", "opensslcnf.config", "CipherString = DEFAULT\nGroups = X448\n", "no group"},
		{"keys of a billion bits", "A.pol", "min_rsa_size = 1000000000\n", "do not make a usable policy"},
		{"too long", "A.pol", strings.Repeat("#", maxSize+1), "more than"},
	}
	for _, test := range tests {
		s, err := Parse(test.file, []byte(test.text))
		if err == nil {
			_, err = s.Propose()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config, current := write("config", "# the policy\nDEFAULT\n"),
		write("state/current", "DEFAULT:NO-SHA1\n")
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "is there") {
		t.Errorf("a folder without back ends: %v", err)
	}
	write("back-ends/gnutls.config", gnutls)
	file := write("back-ends/opensslcnf.config", opensslcnf)
	for _, path := range []string{dir, config, current, file} {
		s, err := Read(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		text, err := s.Propose()
		if err != nil || !strings.Contains(text, "# "+file+":3") {
			t.Errorf("%s: %v, no place of %s in\n%s", path, err, file, text)
		}
		if path != file && !strings.Contains(text, "(DEFAULT:NO-SHA1)") {
			t.Errorf("%s: no name of the policy in\n%s", path, text)
		}
	}
	if _, err := Read(filepath.Join(dir, "none")); !os.IsNotExist(err) &&
		!strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// FuzzPropose: whatever a file says, a proposal loads, is no weaker than the
// built-in default, prints, and is not endless.
func FuzzPropose(f *testing.F) {
	for _, seed := range []struct{ name, text string }{
		{"opensslcnf.config", opensslcnf}, {"gnutls.config", gnutls}, {"A.pol", pol}, {"openssl.config", "@SECLEVEL=2:kEECDH:!x\x1b"},
		{"opensslcnf.config", "CipherString = @SECLEVEL=0:ALL:!-+\x00\nMinProtocol=\u202e\n"}, {"A.pol", "group = + - +- *\nsign = -[\n"},
	} {
		f.Add(seed.name, []byte(seed.text))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		s, err := Parse(name, data)
		if err != nil {
			return
		}
		text, err := s.Propose()
		if err != nil {
			return
		}
		p, err := policy.Parse("/proposal.yaml", []byte(text))
		if err != nil {
			t.Fatalf("does not load: %v\n%s", err, text)
		}
		built, got := policy.Builtin().Default(), p.Default()
		if got.MinVersion < built.MinVersion || got.MinRSABits < built.MinRSABits ||
			got.MinECDSABits < built.MinECDSABits {
			t.Errorf("weaker than the built-in default:\n%s", text)
		}
		for _, id := range got.CipherSuites {
			if !slices.Contains(built.CipherSuites, id) {
				t.Errorf("a suite that is not built-in: %s\n%s", policy.SuiteName(id), text)
			}
		}
		if printable(strings.ReplaceAll(text, "\n", "")) != strings.ReplaceAll(text, "\n", "") ||
			len(text) > 128<<10+300*len(name) {
			t.Errorf("%d bytes, or control characters: %q", len(text), text)
		}
	})
}
