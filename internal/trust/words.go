package trust

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxNames is how many names of a certificate a sentence shows.
const maxNames = 5

// holder names the peer's own certificate.
func (c *check) holder() string {
	if c.name != "" {
		return "the certificate of " + clean(c.name)
	}
	if id, err := clientIdentity(c.chain[0]); err == nil {
		return "the certificate of " + strconv.Quote(clean(id))
	}
	return "the peer's certificate"
}

// which names any certificate of the chain.
func (c *check) which(cert *x509.Certificate) string {
	switch {
	case bytes.Equal(cert.Raw, c.chain[0].Raw):
		return c.holder()
	case selfIssued(cert):
		return "the authority's certificate " + quoted(cert.Subject)
	}
	return "the intermediate certificate " + quoted(cert.Subject)
}

func (c *check) wrongName() string {
	leaf := c.chain[0]
	var names []string
	for _, name := range leaf.DNSNames {
		names = append(names, clean(name))
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	wanted, hint := clean(c.name), ""
	if _, err := netip.ParseAddr(c.name); err == nil {
		wanted = "the address " + wanted
		hint = "; if the peer has a name, set it with TLS_REMOTE_HOSTNAME"
	}
	if len(names) == 0 {
		if cn := leaf.Subject.CommonName; cn != "" {
			return fmt.Sprintf("the certificate has no valid name, and must be for %s: %q in its subject is ignored, names belong in subjectAltName",
				wanted, clean(cn))
		}
		return fmt.Sprintf("the certificate is for nobody, and must be for %s: it has no subjectAltName", wanted)
	}
	more := ""
	if n := len(names) - maxNames; n > 0 {
		names, more = names[:maxNames], fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("the certificate is for %s%s, not for %s%s", strings.Join(names, ", "), more, wanted, hint)
}

var usageNames = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageServerAuth: "servers", x509.ExtKeyUsageClientAuth: "clients",
	x509.ExtKeyUsageCodeSigning: "code signing", x509.ExtKeyUsageEmailProtection: "e-mail",
	x509.ExtKeyUsageTimeStamping: "time stamping", x509.ExtKeyUsageOCSPSigning: "OCSP signing",
}

func usages(cert *x509.Certificate) string {
	var names []string
	for _, usage := range cert.ExtKeyUsage {
		if name, ok := usageNames[usage]; ok && len(names) < maxNames {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "other uses only"
	}
	return strings.Join(names, ", ")
}

func quoted(name pkix.Name) string { return `"` + clean(name.String()) + `"` }

// instant writes a time to the minute, which is what people compare.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span writes a duration in its largest unit.
func span(d time.Duration) string {
	unit := func(n int64, name string) string {
		if n == 1 {
			return "1 " + name
		}
		return strconv.FormatInt(n, 10) + " " + name + "s"
	}
	switch {
	case d >= 48*time.Hour:
		return unit(int64(d/(24*time.Hour)), "day")
	case d >= time.Hour:
		return unit(int64(d/time.Hour), "hour")
	case d >= time.Minute:
		return unit(int64(d/time.Minute), "minute")
	}
	return unit(int64(d/time.Second), "second")
}

// clean makes text from a certificate fit for a terminal and a log: nothing
// that does not print, and not endless.
func clean(s string) string { return cleaned(s, 100) }

func cleaned(s string, limit int) string {
	var out strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > limit {
			out.WriteString("...")
			break
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			r = '?'
		}
		out.WriteRune(r)
	}
	return out.String()
}
