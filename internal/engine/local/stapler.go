package local

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
)

var errNoIssuer = errors.New("its issuer is not known: the certificate chain should have it, after the certificate itself")

// How long to wait after a failure, at first and at most, and how long to sleep
// at a time: clocks are set, and machines sleep too.
const (
	stapleRetry = time.Minute
	stapleRest  = time.Hour
	stapleSleep = 10 * time.Minute
	// stapleLongest is how long a response is shown before the next one, however
	// long it holds: the certificate may have been revoked.
	stapleLongest = 24 * time.Hour
)

// stapler keeps the response of one certificate fresh.
type stapler struct {
	of       *staplers
	key      staplerKey
	cert     *tls.Certificate
	policy   *policy.Effective
	response atomic.Pointer[response] // nil while there is none
	problem  string                   // that has been said last; run's own
	used     time.Time                // last; guarded by of.mu
}

// response is an OCSP response that has been verified.
type response struct {
	der         []byte
	from, until time.Time
}

func (st *stapler) run() {
	failures := 0
	for {
		due, ok := st.refresh()
		if failures++; ok {
			failures = 0
		} else {
			due = st.of.cfg.Now().Add(min(stapleRetry<<min(failures-1, 10), stapleRest))
		}
		if !st.sleep(due) || st.of.retire(st) {
			return
		}
	}
}

// refresh fetches a response and says when to fetch the next one: in the
// middle of its time, so that there is enough left to try again.
func (st *stapler) refresh() (due time.Time, ok bool) {
	s := st.of
	der, until, err := s.fetch(s.ctx, st.cert, st.policy)
	now := s.cfg.Now()
	if err == nil && !now.Before(until) {
		err = errors.New("the OCSP response has expired already")
	}
	if err != nil {
		if errors.Is(err, revocation.ErrRevoked) {
			st.response.Store(nil)
		}
		st.failed(err)
		return time.Time{}, false
	}
	st.response.Store(&response{der: der, from: now, until: until})
	st.problem = ""
	s.cfg.Log.Debug("an OCSP response is stapled", "certificate", holder(st.cert.Leaf), "until", until)
	return now.Add(min(max(until.Sub(now)/2, stapleRetry), stapleLongest)), true
}

// failed says why there is no new response, once.
func (st *stapler) failed(err error) {
	if st.of.ctx.Err() != nil || err.Error() == st.problem {
		return
	}
	st.problem = err.Error()
	st.of.cfg.Log.Warn(fmt.Sprintf("no OCSP response to staple for our certificate of %q (server.ocsp_stapling): %s", holder(st.cert.Leaf), st.problem))
}

// sleep waits for a moment of the clock, or until the clock is set back; false
// when the work is over.
func (st *stapler) sleep(until time.Time) bool {
	began := st.of.cfg.Now()
	for {
		now := st.of.cfg.Now()
		rest := until.Sub(now)
		if rest <= 0 || now.Before(began) {
			return st.of.ctx.Err() == nil
		}
		timer := time.NewTimer(min(rest, stapleSleep))
		select {
		case <-st.of.ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// holder names a certificate for a message.
func holder(cert *x509.Certificate) string {
	if len(cert.DNSNames) > 0 {
		return cert.DNSNames[0]
	}
	return cert.Subject.String()
}
