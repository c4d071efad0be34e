package revocation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// ErrNoResponder is the error of Staple for a certificate that names no OCSP
// responder.
var ErrNoResponder = errors.New("the certificate names no OCSP responder that can be asked over http")

// ErrRevoked is the error of Staple for a certificate that was revoked.
var ErrRevoked = errors.New("the certificate was revoked")

// maxStaple bounds what is shown: clients bound the message that it is in.
const maxStaple = 16 << 10

// Staple asks the OCSP responders that a certificate names for a response to
// show to others. The response has been verified, says that the certificate is
// good, and does so until the time returned. What is remembered is not asked:
// a statement without its response is nothing to show.
func (v *View) Staple(ctx context.Context,
	cert, issuer *x509.Certificate) ([]byte, time.Time, error) {
	ctx, cancel := v.Limit(ctx)
	defer cancel()
	var tried []string
	for _, url := range addresses(cert.OCSPServer) {
		der, s, err := v.fetchResponse(ctx, url, cert, issuer)
		switch {
		case err != nil:
			tried = append(tried, show(url)+": "+err.Error())
		case s.Status == signed.Revoked:
			return nil, time.Time{},
				fmt.Errorf("%w on %s, according to the OCSP responder %s", ErrRevoked, s.RevokedAt.UTC().Format(time.DateOnly), show(url))
		case s.Status == signed.Good && len(der) > maxStaple:
			tried = append(tried, fmt.Sprintf("%s: it has %d bytes, more than %d", show(url),
				len(der), maxStaple))
		case s.Status == signed.Good:
			// Others need not be as lenient about clocks as we are.
			return der, s.Until.Add(-signed.Skew), nil
		default:
			tried = append(tried, show(url)+": the responder does not know the certificate")
		}
	}
	if len(tried) == 0 {
		return nil, time.Time{}, ErrNoResponder
	}
	return nil, time.Time{}, errors.New("no OCSP response from " + strings.Join(tried, ", nor from "))
}
