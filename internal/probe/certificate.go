package probe

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
)

// Certificate is what a person wants to know of one.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names"`      // at most maxNames
	MoreNames int       `json:"more_names"` // how many were left out
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Key       string    `json:"key"`
	Signature string    `json:"signature"`
	Authority bool      `json:"authority"`
	Pin       string    `json:"pin"` // as trust.pins has it
}

// What is shown of a certificate is bounded: a peer may put in whatever it
// likes.
const (
	maxChain = 20
	maxNames = 20
	maxText  = 200
)

func describe(chain []*x509.Certificate) []Certificate {
	list := []Certificate{}
	for _, cert := range chain[:min(len(chain), maxChain)] {
		list = append(list, describeOne(cert))
	}
	return list
}

func describeOne(cert *x509.Certificate) Certificate {
	pin := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	c := Certificate{
		Subject: clean(cert.Subject.String()), Issuer: clean(cert.Issuer.String()), Names: []string{},
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
		Key: keyText(cert), Signature: cert.SignatureAlgorithm.String(), Authority: cert.IsCA,
		Pin: "sha256/" + base64.StdEncoding.EncodeToString(pin[:]),
	}
	for _, name := range cert.DNSNames {
		c.Names = append(c.Names, clean(name))
	}
	for _, ip := range cert.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	if more := len(c.Names) - maxNames; more > 0 {
		c.Names, c.MoreNames = c.Names[:maxNames], more
	}
	return c
}

func keyText(cert *x509.Certificate) string {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA, " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "of an unknown kind"
}

// clean makes text of a peer fit for a terminal.
func clean(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxText {
			b.WriteString("...")
			break
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// cleanAll does so with a list, which is never nil.
func cleanAll(texts []string) []string {
	out := []string{}
	for _, text := range texts {
		out = append(out, clean(text))
	}
	return out
}

// sni is the name to ask for: no addresses, no final dot (RFC 6066, section 3).
func sni(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	return strings.TrimSuffix(name, ".")
}
