package cryptopolicies

import "strings"

// suite is a TLS 1.2 suite of ours, in the order of OpenSSL's preference.
type suite struct {
	name   string // of OpenSSL
	iana   string
	auth   string // RSA or ECDSA
	cipher string // as crypto-policies has it
	bits   int
	tags   string // more words of OpenSSL's cipher strings
}

var suites = []suite{
	{"ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDSA", "AES-256-GCM", 256, "AES AES256 AESGCM AEAD TLSv1.2"},
	{"ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "RSA", "AES-256-GCM", 256, "AES AES256 AESGCM AEAD TLSv1.2"},
	{"ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDSA", "CHACHA20-POLY1305", 256, "CHACHA20 AEAD TLSv1.2"},
	{"ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "RSA", "CHACHA20-POLY1305", 256, "CHACHA20 AEAD TLSv1.2"},
	{"ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDSA", "AES-128-GCM", 128, "AES AES128 AESGCM AEAD TLSv1.2"},
	{"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "RSA", "AES-128-GCM", 128, "AES AES128 AESGCM AEAD TLSv1.2"},
}

// cbc are suites that ssa has, but not in its built-in default: they are left
// out of a proposal, and that is said.
var cbc = []suite{
	{"ECDHE-ECDSA-AES256-SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDSA", "AES-256-CBC", 256, "AES AES256 SHA1 SHA TLSv1 TLSv1.0 SSLv3"},
	{"ECDHE-RSA-AES256-SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "RSA", "AES-256-CBC", 256, "AES AES256 SHA1 SHA TLSv1 TLSv1.0 SSLv3"},
	{"ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDSA", "AES-128-CBC", 128, "AES AES128 SHA1 SHA TLSv1 TLSv1.0 SSLv3"},
	{"ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "RSA", "AES-128-CBC", 128, "AES AES128 SHA1 SHA TLSv1 TLSv1.0 SSLv3"},
}

// ciphers13 are the ciphers of TLS 1.3 suites.
var ciphers13 = map[string]string{
	"AES-256-GCM": "TLS_AES_256_GCM_SHA384", "AES-128-GCM": "TLS_AES_128_GCM_SHA256",
	"CHACHA20-POLY1305": "TLS_CHACHA20_POLY1305_SHA256",
}

// suite13 translates the name of a TLS 1.3 suite.
func suite13(name string) string {
	for _, ours := range ciphers13 {
		if ours == name {
			return ours
		}
	}
	return ""
}

// groups have our names, and those of OpenSSL, GnuTLS and crypto-policies.
var groups = map[string]string{
	"x25519mlkem768": "X25519MLKEM768", "mlkem768x25519": "X25519MLKEM768",
	"secp256r1mlkem768": "SecP256r1MLKEM768", "p256mlkem768": "SecP256r1MLKEM768",
	"mlkem768secp256r1":  "SecP256r1MLKEM768",
	"secp384r1mlkem1024": "SecP384r1MLKEM1024", "p384mlkem1024": "SecP384r1MLKEM1024",
	"mlkem1024secp384r1": "SecP384r1MLKEM1024",
	"x25519":             "X25519",
	"secp256r1":          "P-256", "prime256v1": "P-256", "p256": "P-256",
	"secp384r1": "P-384", "p384": "P-384",
	"secp521r1": "P-521", "p521": "P-521",
}

func group(name string) string {
	plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	return groups[strings.TrimPrefix(plain, "group")]
}

// signatures have the same.
var signatures = map[string]string{
	"ecdsasha256": "ecdsa_secp256r1_sha256", "ecdsasha2256": "ecdsa_secp256r1_sha256",
	"ecdsasecp256r1sha256": "ecdsa_secp256r1_sha256",
	"ecdsasha384":          "ecdsa_secp384r1_sha384", "ecdsasha2384": "ecdsa_secp384r1_sha384",
	"ecdsasecp384r1sha384": "ecdsa_secp384r1_sha384",
	"ecdsasha512":          "ecdsa_secp521r1_sha512", "ecdsasha2512": "ecdsa_secp521r1_sha512",
	"ecdsasecp521r1sha512": "ecdsa_secp521r1_sha512",
	"ed25519":              "ed25519", "eddsaed25519": "ed25519",
	"rsapssrsaesha256": "rsa_pss_rsae_sha256", "rsapsssha256": "rsa_pss_rsae_sha256",
	"rsapsssha2256":    "rsa_pss_rsae_sha256",
	"rsapssrsaesha384": "rsa_pss_rsae_sha384", "rsapsssha384": "rsa_pss_rsae_sha384",
	"rsapsssha2384":    "rsa_pss_rsae_sha384",
	"rsapssrsaesha512": "rsa_pss_rsae_sha512", "rsapsssha512": "rsa_pss_rsae_sha512",
	"rsapsssha2512": "rsa_pss_rsae_sha512",
	"rsasha256":     "rsa_pkcs1_sha256", "rsasha2256": "rsa_pkcs1_sha256",
	"rsapkcs1sha256": "rsa_pkcs1_sha256",
	"rsasha384":      "rsa_pkcs1_sha384", "rsasha2384": "rsa_pkcs1_sha384",
	"rsapkcs1sha384": "rsa_pkcs1_sha384",
	"rsasha512":      "rsa_pkcs1_sha512", "rsasha2512": "rsa_pkcs1_sha512",
	"rsapkcs1sha512": "rsa_pkcs1_sha512",
}

func signature(name string) string {
	return signatures[strings.NewReplacer("-", "", "_", "", "+", "").Replace(strings.ToLower(name))]
}

// version translates "TLSv1.2" and "TLS1.2" into "1.2"; older ones are "old",
// and what is not TLS is "".
func version(name string) string {
	number, ok := strings.CutPrefix(name, "TLS")
	switch strings.TrimPrefix(number, "v") {
	case "1.2":
		return "1.2"
	case "1.3":
		return "1.3"
	case "1", "1.0", "1.1":
		return "old"
	}
	if !ok && strings.HasPrefix(name, "SSL") {
		return "old"
	}
	return ""
}
