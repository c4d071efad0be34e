package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/internal/probe"
)

// printReport shows what a person asks first: is it accepted, and if not, why.
func printReport(b *strings.Builder, r *probe.Report, paint paint) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "%-14s%s\n", name, printable(value))
		}
	}
	word := paint.good("accepted")
	if !r.Accepted {
		word = paint.bad("refused")
	}
	fmt.Fprintf(b, "%s at %s, under the profile %s: %s\n", paint.bold(printable(r.Name)),
		printable(r.Address), printable(r.Profile), word)
	if n := r.Negotiated; n != nil {
		line("version", n.Version)
		line("cipher suite", n.Suite)
		line("key exchange", n.Group)
		line("ALPN", n.ALPN)
		line("resumption", n.Resumption)
		line("afterwards", n.End)
	}
	if r.Refusal != nil {
		printRefusal(b, r.Refusal, paint)
	}
	if o := r.Offered; o != nil {
		b.WriteString("\nOffered everything, the peer chooses\n")
		line("version", o.Version)
		line("cipher suite", o.Suite)
		line("key exchange", o.Group)
		line("ALPN", o.ALPN)
		line("stapled OCSP", yesNo(o.Stapled))
	}
	// else it was said above
	if r.Refusal == nil || !strings.HasSuffix(r.Verification, r.Refusal.Sentence) {
		line("certificate", r.Verification)
	}
	for _, text := range r.Revocation {
		line("revocation", text)
	}
	for _, text := range r.Transparency {
		line("transparency", text)
	}
	for i, c := range r.Chain {
		printCertificate(b, i, c, paint)
	}
}

func printRefusal(b *strings.Builder, r *probe.Refusal, paint paint) {
	fmt.Fprintf(b, "%-14s%s\n", "why", printable(r.Sentence))
	for _, rule := range r.Rules {
		fmt.Fprintf(b, "%-14s%s  %s\n", "rule", paint.bold(wrapped(printable(rule.Key+": "+rule.Value))),
			paint.dim("# "+printable(homely(rule.From))))
	}
	for _, text := range r.Remedies {
		fmt.Fprintf(b, "%-14s%s\n", "peer must", printable(text))
	}
}

func printCertificate(b *strings.Builder, i int, c probe.Certificate, paint paint) {
	fmt.Fprintf(b, "\n%d  %s\n", i, paint.bold(printable(orNone(c.Subject))))
	line := func(name, value string) { fmt.Fprintf(b, "   %-11s%s\n", name, printable(value)) }
	line("issuer", orNone(c.Issuer))
	if len(c.Names) > 0 {
		more := ""
		if c.MoreNames > 0 {
			more = fmt.Sprintf(" and %d more", c.MoreNames)
		}
		line("names", strings.Join(c.Names, ", ")+more)
	}
	day := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
	line("valid", day(c.NotBefore)+" to "+day(c.NotAfter))
	line("key", c.Key+"; signed with "+c.Signature)
	line("pin", c.Pin)
}

func orNone(name string) string {
	if name == "" {
		return "(no name)"
	}
	return name
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
