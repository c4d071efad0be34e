package trust

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"

	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// Revocation says how much must be known of revocations.
type Revocation uint8

// How much must be known.
const (
	RevocationOff     Revocation = iota // nothing is asked
	RevocationPrefer                    // what is known to be revoked is refused
	RevocationRequire                   // what is not known to be good is refused too
)

// Revocations finds out about revocations. Implementations are safe for
// concurrent use.
type Revocations interface {
	// Limit bounds a context by the time that all questions about one peer
	// may take.
	Limit(ctx context.Context) (context.Context, context.CancelFunc)
	// Ask finds out about one certificate of a verified chain, whose issuer is
	// the next one in it. The staple is what the peer sent for it, or nil.
	Ask(ctx context.Context, cert, issuer *x509.Certificate, staple []byte) signed.Answer
}

// nobody knows nothing of revocations.
type nobody struct{}

func (nobody) Limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func (nobody) Ask(context.Context, *x509.Certificate, *x509.Certificate, []byte) signed.Answer {
	return signed.Answer{Tried: []string{"nobody can be asked; this is a bug in ssa"}}
}

// unrevoked asks about every certificate of a chain but the anchor, which no
// one could revoke but who trusts it.
func (c *check) unrevoked(ctx context.Context, result *Result) error {
	if c.v.cfg.Revocation == RevocationOff {
		return nil
	}
	chain := result.Chain
	for i := range len(chain) - 1 {
		var staple []byte
		if i == 0 {
			staple = c.peer.Staple
		}
		answer := c.v.cfg.Revocations.Ask(ctx, chain[i], chain[i+1], staple)
		if err := c.judge(chain[i], answer); err != nil {
			return err
		}
		if answer.Stapled {
			result.StapledUntil = answer.Until
		}
		text := c.which(chain[i]) + ": " + answer.Status.String()
		if answer.By != "" {
			text += ", says " + answer.By
		}
		result.Revocation = append(result.Revocation, text)
	}
	return nil
}

// judge decides what follows from an answer.
func (c *check) judge(cert *x509.Certificate, answer signed.Answer) error {
	switch {
	case answer.Status == signed.Revoked:
		return fail(Revoked, c.revoked(cert, answer), nil)
	case cert.Equal(c.chain[0]) && !answer.Stapled && c.v.cfg.Usage == ServerCertificate &&
		mustStaple(cert):
		return fail(NotStapled, c.notStapled(answer), answer.StapleProblem)
	case answer.Status == signed.Unknown && c.v.cfg.Revocation == RevocationRequire:
		return fail(RevocationUnknown, fmt.Sprintf("it is not known whether %s was revoked, and the policy requires an answer (trust.revocation): %s; "+
			"the peer could staple an OCSP response, or a list for trust.crl_files could say it", c.which(cert), clip(strings.Join(answer.Tried, "; "))), nil)
	}
	return nil
}

func (c *check) revoked(cert *x509.Certificate, answer signed.Answer) string {
	why := ""
	if text := answer.ReasonText(); text != "" {
		why = " because " + text
	}
	remedy := "the peer needs a new certificate"
	if !cert.Equal(c.chain[0]) {
		remedy = "the peer needs a certificate from another authority"
	}
	return fmt.Sprintf("%s was revoked on %s%s, says %s; %s", c.which(cert),
		instant(answer.RevokedAt), why, clip(answer.By), remedy)
}

func (c *check) notStapled(answer signed.Answer) string {
	text := c.holder() + " obliges its holder to staple an OCSP response (must-staple), and "
	switch {
	case answer.StapleProblem != nil:
		text += "the one that came cannot be used: " + clip(answer.StapleProblem.Error())
	case len(c.peer.Staple) > 0:
		text += "the one that came does not say that it is good"
	default:
		text += "none came"
	}
	return text + "; turn OCSP stapling on at the peer"
}

var featureOID = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

// statusRequest is the TLS extension by which staples are asked for.
const statusRequest = 5

// mustStaple reads the TLS feature extension, RFC 7633. What is malformed
// obliges: its holder meant something by it.
func mustStaple(cert *x509.Certificate) bool {
	for _, extension := range cert.Extensions {
		if !extension.Id.Equal(featureOID) {
			continue
		}
		var features []int
		rest, err := asn1.Unmarshal(extension.Value, &features)
		if err != nil || len(rest) > 0 || slices.Contains(features, statusRequest) {
			return true
		}
	}
	return false
}

// clip is clean for text of several parts.
func clip(s string) string { return cleaned(s, 500) }
