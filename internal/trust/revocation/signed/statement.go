// Package signed reads what authorities sign about revocation, OCSP responses
// and revocation lists, and holds them against the certificate they are to
// speak of: signature, responder, scope, freshness. It does no I/O, and it does
// not decide what follows. Delta lists and indirect lists are refused.
package signed

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Largest sizes that are read at all.
const (
	MaxOCSP = 64 << 10
	MaxList = 32 << 20
)

// Skew is how far the clock of an authority may be from ours.
const Skew = 5 * time.Minute

// withoutNext is how long a response is good that does not say when the next
// one comes: RFC 6960 says that a newer one is always there.
const withoutNext = time.Hour

// Status is what is known of a certificate.
type Status uint8

// What may be known.
const (
	Unknown Status = iota
	Good
	Revoked
)

// String returns the status in a word.
func (s Status) String() string { return [...]string{"unknown", "good", "revoked"}[s] }

// Statement is what an authority says of one certificate.
type Statement struct {
	Status    Status
	RevokedAt time.Time
	Reason    int // RFC 5280, 5.3.1
	// Until is when the statement stops to count.
	Until time.Time
}

// Answer is what has been found out about one certificate.
type Answer struct {
	Statement
	// By says in words who said so: "the stapled OCSP response".
	By string
	// Stapled is true when the peer's staple is good, whoever answered first.
	Stapled bool
	// StapleProblem says why a staple does not count; nil also without one.
	StapleProblem error
	// Tried says in words what was asked in vain.
	Tried []string
}

var reasons = map[int]string{
	1: "its key was compromised", 2: "the authority was compromised",
	3: "its holder's affiliation changed",
	4: "it was superseded", 5: "its use has ceased", 6: "it is on hold",
	9:  "its privilege was withdrawn",
	10: "its authority was compromised",
}

// ReasonText is why a certificate was revoked, "" when it was not said.
func (s Statement) ReasonText() string { return reasons[s.Reason] }

// fresh checks the times of a statement, and returns when it ends.
func fresh(this, next, now time.Time) (time.Time, error) {
	if this.After(now.Add(Skew)) {
		return time.Time{}, fmt.Errorf("it is valid only from %s; is the clock right?", stamp(this))
	}
	end := next
	if next.IsZero() {
		end = this.Add(withoutNext)
	}
	if end.Before(this) {
		return time.Time{}, errors.New("it expires before it begins")
	}
	if now.After(end.Add(Skew)) {
		return time.Time{}, fmt.Errorf("it expired on %s", stamp(end))
	}
	return end.Add(Skew), nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// broken reports signature algorithms that prove nothing any more. crypto/x509
// lets SHA-1 pass for what is not a certificate.
func broken(algorithm x509.SignatureAlgorithm) bool {
	switch algorithm {
	case x509.UnknownSignatureAlgorithm, x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA,
		x509.DSAWithSHA1, x509.DSAWithSHA256, x509.ECDSAWithSHA1:
		return true
	}
	return false
}
