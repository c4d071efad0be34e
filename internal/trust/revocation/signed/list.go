package signed

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// List is a revocation list. A list may name a million certificates, so its
// entries stay as they came, with a small index: crypto/x509 would take some
// hundred bytes for each. Immutable.
type List struct {
	head    *x509.RevocationList // without its entries
	scope   scope
	size    int
	entries cryptobyte.String
	seed    maphash.Seed
	index   []uint64 // sorted hashes of serial numbers
}

// ParseList reads a list, DER or PEM. It refuses what this package could
// misunderstand, such as any critical extension that is not known. Of delta and
// indirect lists, and lists of some reasons only, what counts is who is in them:
// see Status and Partial.
func ParseList(data []byte) (*List, error) {
	if block, rest := pem.Decode(data); block != nil {
		if block.Type != "X509 CRL" {
			return nil, fmt.Errorf("it is a PEM block of %q, not of X509 CRL", clip(block.Type))
		}
		if bytes.Contains(rest, []byte("-----BEGIN")) {
			return nil, errors.New("there is more than one PEM block; each list needs a file of its own")
		}
		data = block.Bytes
	}
	if len(data) > MaxList {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(data), MaxList)
	}
	head, whole, entries, err := behead(data)
	if err != nil {
		return nil, err
	}
	l := &List{size: len(data), entries: entries, seed: maphash.MakeSeed()}
	if l.head, err = x509.ParseRevocationList(head); err != nil {
		return nil, fmt.Errorf("it is malformed: %w", err)
	}
	l.head.RawTBSRevocationList = whole // what is signed has the entries
	if l.scope, err = scopeOf(l.head.Extensions); err != nil {
		return nil, err
	}
	if l.head.NextUpdate.IsZero() && l.scope.partial == nil {
		l.scope.partial = errors.New("it does not say when the next one comes")
	}
	if err := l.buildIndex(); err != nil {
		return nil, err
	}
	return l, nil
}

// behead takes the entries out of a list, so that the rest is small.
func behead(der []byte) (head, tbsWhole []byte, entries cryptobyte.String, err error) {
	input := cryptobyte.String(der)
	var outer, tbs, whole cryptobyte.String
	if !input.ReadASN1(&outer, cbasn1.SEQUENCE) || !input.Empty() {
		return nil, nil, nil, errMalformed
	}
	if !outer.ReadASN1Element(&whole, cbasn1.SEQUENCE) {
		return nil, nil, nil, errMalformed
	}
	rest := whole
	if !rest.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		return nil, nil, nil, errMalformed
	}
	start := tbs
	// version, signature, issuer, thisUpdate, nextUpdate
	if !tbs.SkipOptionalASN1(cbasn1.INTEGER) || !tbs.SkipASN1(cbasn1.SEQUENCE) ||
		!tbs.SkipASN1(cbasn1.SEQUENCE) || !skipTime(&tbs) {
		return nil, nil, nil, errMalformed
	}
	if isTime(tbs) && !skipTime(&tbs) {
		return nil, nil, nil, errMalformed
	}
	before := start[:len(start)-len(tbs)]
	if tbs.PeekASN1Tag(cbasn1.SEQUENCE) && !tbs.ReadASN1(&entries, cbasn1.SEQUENCE) {
		return nil, nil, nil, errMalformed
	}
	if !onlyExtensions(tbs) || !onlySignature(outer) {
		return nil, nil, nil, errMalformed // crypto/x509 would pass over what follows
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(before)
			b.AddBytes(tbs)
		})
		b.AddBytes(outer)
	})
	head, err = b.Bytes()
	return head, whole, entries, err
}

// onlyExtensions says whether what follows the entries is what may.
func onlyExtensions(s cryptobyte.String) bool {
	var tagged, list cryptobyte.String
	var present bool
	return s.ReadOptionalASN1(&tagged, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) &&
		s.Empty() &&
		(!present || tagged.ReadASN1(&list, cbasn1.SEQUENCE) && tagged.Empty())
}

// onlySignature says whether what follows the signed part is what may.
func onlySignature(s cryptobyte.String) bool {
	return s.SkipASN1(cbasn1.SEQUENCE) && s.SkipASN1(cbasn1.BIT_STRING) && s.Empty()
}

func isTime(s cryptobyte.String) bool {
	return s.PeekASN1Tag(cbasn1.UTCTime) || s.PeekASN1Tag(cbasn1.GeneralizedTime)
}

func skipTime(s *cryptobyte.String) bool {
	return s.PeekASN1Tag(cbasn1.UTCTime) && s.SkipASN1(cbasn1.UTCTime) ||
		s.PeekASN1Tag(cbasn1.GeneralizedTime) && s.SkipASN1(cbasn1.GeneralizedTime)
}

func (l *List) buildIndex() error {
	own := len(l.entries)
	for rest := l.entries; !rest.Empty(); {
		before := len(l.entries) - len(rest)
		e, err := readEntry(&rest)
		if err != nil {
			return err
		}
		if e.others && before < own {
			own = before
		}
		if before < own {
			l.index = append(l.index, maphash.Bytes(l.seed, e.serial))
		}
	}
	if own < len(l.entries) {
		l.entries = l.entries[:own]
		l.scope.partial = errors.New("it is an indirect list, which is not supported")
	}
	slices.Sort(l.index)
	l.index = slices.Clip(l.index)
	return nil
}

// Size is how many bytes the list takes, about.
func (l *List) Size() int { return l.size + 8*len(l.index) }

// Len is the number of revoked certificates.
func (l *List) Len() int { return len(l.index) }

// Until is when the list stops to count.
func (l *List) Until() time.Time { return l.head.NextUpdate.Add(Skew) }

// IsOf reports whether a list bears the name of an issuer. That is no proof.
func (l *List) IsOf(issuer *x509.Certificate) bool {
	return bytes.Equal(l.head.RawIssuer, issuer.RawSubject)
}

// Verify checks that a list is the issuer's own.
func (l *List) Verify(issuer *x509.Certificate) error {
	switch {
	case !l.IsOf(issuer):
		return errors.New("it is of another authority")
	case broken(l.head.SignatureAlgorithm):
		return fmt.Errorf("it is signed with %s, which proves nothing", l.head.SignatureAlgorithm)
	}
	if err := l.head.CheckSignatureFrom(issuer); err != nil {
		return fmt.Errorf("it is not signed by the authority: %w", err)
	}
	return nil
}

// Partial says why absence from a list means nothing, now, for any certificate;
// nil where it does mean something. Who is in the list is revoked in any case.
func (l *List) Partial(now time.Time) error {
	if l.scope.partial != nil {
		return l.scope.partial
	}
	_, err := fresh(l.head.ThisUpdate, l.head.NextUpdate, now)
	return err
}

// Status returns what a list, verified with the certificate's issuer, says of a
// certificate. One that is in it is revoked, however old the list is and
// whatever else it speaks of: authorities take nothing back, but for a hold.
func (l *List) Status(cert *x509.Certificate, now time.Time) (Statement, error) {
	found, err := l.find(cert)
	if err != nil {
		return Statement{}, err
	}
	if found != nil && found.reason != removeFromCRL {
		return Statement{Status: Revoked, RevokedAt: found.at, Reason: found.reason,
			Until: l.Until()}, nil
	}
	if err := l.Partial(now); err != nil {
		return Statement{}, err
	}
	if err := l.scope.covers(cert); err != nil {
		return Statement{}, err
	}
	return Statement{Status: Good, Until: l.Until()}, nil
}

func (l *List) find(cert *x509.Certificate) (*entry, error) {
	wanted, err := serialBytes(cert)
	if err != nil {
		return nil, err
	}
	if _, found := slices.BinarySearch(l.index, maphash.Bytes(l.seed, wanted)); !found {
		return nil, nil
	}
	for rest := l.entries; !rest.Empty(); {
		e, err := readEntry(&rest)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(e.serial, wanted) {
			return e, nil
		}
	}
	return nil, nil // a hash that two serial numbers share
}
