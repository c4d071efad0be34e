// Package revocation finds out whether certificates have been revoked: from
// what a peer staples, from local lists, and from OCSP responders and
// distribution points. It is the only part of trust that goes to the network or
// reads files, and it bounds both: by time, size, number and address. It does
// not decide what follows from an answer, or from none.
package revocation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/secure-socket-api/ssa/internal/sys/regular"
	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// How long what was learnt is kept at most, whatever the authority allows, and
// how long a failure.
const (
	longest     = 24 * time.Hour
	failureSpan = time.Minute
)

const (
	maxStatements = 4096
	maxLists      = 64
	maxListBytes  = 64 << 20
	maxAddresses  = 2 // of one kind that one certificate can send us to
)

// Config is what a Checker needs. The zero value is usable.
type Config struct {
	Log *slog.Logger // warns of local lists that cannot be used
	// Now is the clock of statements and caches, time.Now if nil.
	Now func() time.Time
	// Files are where local lists are read from, by their paths without the
	// slash at the beginning; this machine's if nil.
	Files fs.FS
}

// Checker finds out, and remembers, for all programs. It is safe for
// concurrent use.
type Checker struct {
	cfg        Config
	fetcher    *fetcher
	statements *cache[signed.Statement]
	lists      *cache[*signed.List]
	silent     *cache[struct{}] // hosts that gave no answer
	files      files
}

// New makes a Checker.
func New(cfg Config) *Checker {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Files == nil {
		cfg.Files = regular.FS("/")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Checker{
		cfg: cfg, fetcher: newFetcher(),
		statements: newCache[signed.Statement](maxStatements, maxStatements),
		lists:      newCache[*signed.List](maxLists, maxListBytes),
		silent:     newCache[struct{}](maxSilent, maxSilent),
	}
}

// Rules say which ways may answer.
type Rules struct {
	Stapled, OCSP, Lists, Cached bool
	// Anywhere allows fetches from addresses that are not public.
	Anywhere bool
	// Timeout bounds all fetches for one chain.
	Timeout time.Duration
	// Files are local revocation lists, which count whenever they say that a
	// certificate was revoked.
	Files []string
}

// View is a Checker under some rules.
type View struct {
	checker *Checker
	rules   Rules
}

// Under returns the checker under rules.
func (c *Checker) Under(rules Rules) *View { return &View{c, rules} }

// Limit bounds a context by the time that the fetches for one chain may take.
func (v *View) Limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, v.rules.Timeout, errTooSlow)
}

// errTooSlow is the cause when our own limit has passed.
var errTooSlow = errors.New("no answer in time (trust.revocation_timeout)")

// passing reports whether a fetch failed because its caller gave up, or had
// spent its time elsewhere: that says nothing about the other end.
func (v *View) passing(ctx context.Context, began time.Time) bool {
	return ctx.Err() != nil &&
		(context.Cause(ctx) != errTooSlow || time.Since(began) < v.rules.Timeout/2)
}

// Ask finds out about one certificate of a chain. What costs nothing is asked
// first, all of it: one source that knows of a revocation is enough.
func (v *View) Ask(ctx context.Context, cert, issuer *x509.Certificate,
	staple []byte) signed.Answer {
	var a signed.Answer
	now := v.checker.cfg.Now()
	v.askStaple(&a, cert, issuer, staple, now)
	v.askFiles(&a, cert, issuer, now)
	key := statementKey(cert, issuer)
	if entry, ok := v.checker.statements.find(key, now); ok && entry.err == nil &&
		(v.rules.Cached || entry.value.Status == signed.Revoked) {
		consider(&a, entry.value, "an OCSP response that is remembered")
	}
	if a.Status != signed.Unknown {
		return a
	}
	v.askResponders(ctx, &a, cert, issuer)
	if a.Status == signed.Unknown {
		v.askPoints(ctx, &a, cert, issuer)
	}
	if a.Status == signed.Unknown && len(a.Tried) == 0 {
		a.Tried = []string{"the certificate names no place to ask"}
	}
	return a
}

// consider takes a statement in: a revocation stands, whatever others say.
func consider(a *signed.Answer, s signed.Statement, by string) {
	if s.Status > a.Status {
		a.Statement, a.By = s, by
	}
}

func (v *View) askStaple(a *signed.Answer, cert, issuer *x509.Certificate, staple []byte,
	now time.Time) {
	if len(staple) == 0 {
		return
	}
	s, err := signed.OCSP(staple, cert, issuer, now)
	if err != nil {
		a.StapleProblem = err
		a.Tried = append(a.Tried, "the stapled OCSP response cannot be used: "+err.Error())
		return
	}
	a.Stapled = s.Status == signed.Good
	if v.rules.Stapled || s.Status == signed.Revoked {
		consider(a, s, "the stapled OCSP response")
	}
}

// statementKey stands for a certificate and its issuer, whole: two programs
// may know different authorities under one name.
func statementKey(cert, issuer *x509.Certificate) string {
	hash := sha256.New()
	for _, part := range [][]byte{issuer.Raw, cert.Raw} {
		sum := sha256.Sum256(part)
		hash.Write(sum[:])
	}
	return string(hash.Sum(nil))
}
