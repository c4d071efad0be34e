package revocation

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// askResponders asks the OCSP responders that a certificate names.
func (v *View) askResponders(ctx context.Context, a *signed.Answer,
	cert, issuer *x509.Certificate) {
	if !v.rules.OCSP {
		return
	}
	for _, url := range addresses(cert.OCSPServer) {
		s, err := v.respond(ctx, url, cert, issuer)
		switch {
		case err != nil:
			a.Tried = append(a.Tried, "OCSP at "+show(url)+": "+err.Error())
		case s.Status == signed.Unknown:
			a.Tried = append(a.Tried, "OCSP at "+show(url)+": the responder does not know the certificate")
		default:
			consider(a, s, "the OCSP responder "+show(url))
			return
		}
	}
}

// respond asks one responder. Good statements and revocations are kept by
// certificate, failures by where they came from and were allowed to.
func (v *View) respond(ctx context.Context, url string,
	cert, issuer *x509.Certificate) (signed.Statement, error) {
	c := v.checker
	key := statementKey(cert, issuer)
	failureKey := key + url + strconv.FormatBool(v.rules.Anywhere)
	now := c.cfg.Now()
	s, err := c.statements.get(ctx, failureKey, now, func() *cached[signed.Statement] {
		entry := &cached[signed.Statement]{size: 1, from: now, until: now.Add(failureSpan)}
		began := time.Now()
		if entry.value, entry.err = v.fetchStatement(ctx, url, cert, issuer); entry.err == nil {
			entry.until = untilOf(now, entry.value.Until, failureSpan)
		} else {
			entry.passing = v.passing(ctx, began)
		}
		return entry
	})
	if err == nil && s.Status != signed.Unknown {
		c.statements.add(&cached[signed.Statement]{key: key, value: s, size: 1, from: now,
			until: untilOf(now, s.Until, longest)})
	}
	return s, err
}

func (v *View) fetchStatement(ctx context.Context, url string,
	cert, issuer *x509.Certificate) (signed.Statement, error) {
	_, s, err := v.fetchResponse(ctx, url, cert, issuer)
	return s, err
}

// fetchResponse returns a response that has been verified, and what it says.
func (v *View) fetchResponse(ctx context.Context, url string,
	cert, issuer *x509.Certificate) ([]byte, signed.Statement, error) {
	body, err := ocsp.CreateRequest(cert, issuer, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		return nil, signed.Statement{}, fmt.Errorf("the request could not be made: %w", err)
	}
	der, err := v.fetch(ctx, request{url: url, body: body, most: signed.MaxOCSP,
		anywhere: v.rules.Anywhere})
	if err != nil {
		return nil, signed.Statement{}, err
	}
	s, err := signed.OCSP(der, cert, issuer, v.checker.cfg.Now())
	return der, s, err
}

// askPoints looks into the lists that a certificate names.
func (v *View) askPoints(ctx context.Context, a *signed.Answer, cert, issuer *x509.Certificate) {
	if !v.rules.Lists {
		return
	}
	for _, url := range addresses(cert.CRLDistributionPoints) {
		s, err := v.look(ctx, url, cert, issuer)
		if err != nil {
			a.Tried = append(a.Tried, "the revocation list at "+show(url)+": "+err.Error())
			continue
		}
		consider(a, s, "the revocation list "+show(url))
		return
	}
}

func (v *View) look(ctx context.Context, url string,
	cert, issuer *x509.Certificate) (signed.Statement, error) {
	c := v.checker
	now := c.cfg.Now()
	by := sha256.Sum256(issuer.Raw)
	key := string(by[:]) + strconv.FormatBool(v.rules.Anywhere) + url
	list, err := c.lists.get(ctx, key, now, func() *cached[*signed.List] {
		entry := &cached[*signed.List]{from: now, until: now.Add(failureSpan)}
		began := time.Now()
		entry.value, entry.err = v.fetchList(ctx, url, issuer)
		entry.passing = entry.err != nil && v.passing(ctx, began)
		if entry.err == nil {
			entry.size = entry.value.Size()
			// A list that is out of date already is a failure: ask again soon.
			if until := untilOf(now, entry.value.Until(), longest); until.After(entry.until) {
				entry.until = until
			}
		}
		return entry
	})
	if err != nil {
		return signed.Statement{}, err
	}
	return list.Status(cert, now)
}

func (v *View) fetchList(ctx context.Context, url string,
	issuer *x509.Certificate) (*signed.List, error) {
	// A list is held in memory while it is read and judged.
	f := v.checker.fetcher
	select {
	case f.listSlots <- struct{}{}:
		defer func() { <-f.listSlots }()
	case <-ctx.Done():
		return nil, withoutURL(context.Cause(ctx))
	}
	data, err := v.fetch(ctx, request{url: url, most: signed.MaxList, anywhere: v.rules.Anywhere})
	if err != nil {
		return nil, err
	}
	list, err := signed.ParseList(data)
	if err != nil {
		return nil, err
	}
	if err := list.Verify(issuer); err != nil {
		return nil, err
	}
	return list, nil
}

// addresses picks the few addresses of a certificate that are asked: HTTP ones,
// without the LDAP ones that some authorities name too.
func addresses(all []string) []string {
	var picked []string
	for _, url := range all {
		if len(picked) < maxAddresses && len(url) < 1024 && strings.HasPrefix(strings.ToLower(url),
			"http://") {
			picked = append(picked, url)
		}
	}
	return picked
}

// show makes an address from a certificate fit for a message.
func show(url string) string {
	const limit = 100
	if len(url) > limit {
		url = url[:limit] + "..."
	}
	quoted := strconv.QuoteToASCII(url)
	return quoted[1 : len(quoted)-1]
}
