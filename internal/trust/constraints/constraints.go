// Package constraints judges name constraints (RFC 5280, 4.2.1.10): may the
// authorities of a chain vouch for the names below them? It judges all of them,
// in place of crypto/x509, which knows no directory names, takes the host of a
// constraint for a whole domain in URIs and mailboxes, and errs about ranges of
// addresses with bits set behind their mask. It builds no chains, and says
// nothing of signatures.
package constraints

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	constraintsOID = asn1.ObjectIdentifier{2, 5, 29, 30}
	namesOID       = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// Relax returns a certificate as crypto/x509 is to see it while it builds a
// chain: without its name constraints, which are left to Check. A certificate
// that has none is returned as it is.
func Relax(cert *x509.Certificate) *x509.Certificate {
	at := slices.IndexFunc(cert.Extensions, isConstraints)
	if at < 0 {
		return cert
	}
	relaxed := *cert
	relaxed.Extensions = slices.Delete(slices.Clone(cert.Extensions), at, at+1)
	// Parsing leaves ExtraExtensions empty; extension looks there.
	relaxed.ExtraExtensions = append(slices.Clone(cert.ExtraExtensions), cert.Extensions[at])
	unhandled := slices.Clone(cert.UnhandledCriticalExtensions)
	relaxed.UnhandledCriticalExtensions = slices.DeleteFunc(unhandled, constraintsOID.Equal)
	return &relaxed
}

func isConstraints(e pkix.Extension) bool { return e.Id.Equal(constraintsOID) }

func extension(cert *x509.Certificate) *pkix.Extension {
	for _, list := range [][]pkix.Extension{cert.Extensions, cert.ExtraExtensions} {
		if at := slices.IndexFunc(list, isConstraints); at >= 0 {
			return &list[at]
		}
	}
	return nil
}

// maxComparisons bounds the work for the chains of one peer: who may issue
// certificates at all could fill them with names and constraints.
const maxComparisons = 500_000

// Judge judges the chains of one peer.
type Judge struct {
	// Strict refuses chains with a constraint of a kind that is not understood,
	// whatever names there are. Else such a constraint refuses a chain only when
	// it is critical, or a certificate has a name of that kind.
	Strict bool

	done int // comparisons
}

// Check returns nil when no authority of a chain, leaf first, is forbidden to
// vouch for a name below it. The anchor's constraints count too.
func (j *Judge) Check(chain []*x509.Certificate) error {
	for above := len(chain) - 1; above > 0; above-- {
		e := extension(chain[above])
		if e == nil {
			continue
		}
		rules, err := parse(e.Value)
		if err != nil {
			return err
		}
		if err := j.understood(rules, e.Critical); err != nil {
			return err
		}
		for below := range above {
			// An authority that renews its key vouches for its own name.
			if below > 0 && string(chain[below].RawSubject) == string(chain[below].RawIssuer) {
				continue
			}
			if err := j.checkCertificate(rules, chain[below]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *Judge) understood(r *rules, critical bool) error {
	if !critical && !j.Strict {
		return nil
	}
	for _, s := range slices.Concat(r.permitted, r.excluded) {
		if _, known := kinds[s.kind]; !known || s.unusual {
			return s.unknown()
		}
	}
	return nil
}

func (j *Judge) checkCertificate(r *rules, cert *x509.Certificate) error {
	names, err := namesOf(cert)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := j.checkName(r, n); err != nil {
			return err
		}
	}
	return nil
}

func (j *Judge) checkName(r *rules, n name) error {
	if j.done += len(r.permitted) + len(r.excluded); j.done > maxComparisons {
		return errors.New("there are too many names and constraints")
	}
	permitted, constrained := false, false
	for _, s := range r.permitted {
		if s.kind != n.kind {
			continue
		}
		constrained = true
		matches, err := s.match(n, false)
		if err != nil {
			return err
		}
		permitted = permitted || matches
	}
	if constrained && !permitted {
		return fmt.Errorf("%s is not permitted by any constraint", n)
	}
	for _, s := range r.excluded {
		if s.kind != n.kind {
			continue
		}
		matches, err := s.match(n, true)
		if err != nil {
			return err
		}
		if matches {
			return fmt.Errorf("%s is excluded by a constraint", n)
		}
	}
	return nil
}

// rules are the constraints of one certificate.
type rules struct{ permitted, excluded []subtree }

// subtree is one constraint: a general name, and all below it.
type subtree struct {
	kind    uint8
	value   []byte
	unusual bool // it has a minimum or a maximum, which RFC 5280 knows no use of
}

func (s subtree) unknown() error {
	if _, known := kinds[s.kind]; known {
		return errors.New("a name constraint with a minimum or a maximum is not supported")
	}
	return fmt.Errorf("a name constraint for names of kind %d is not understood", s.kind)
}

func (s subtree) match(n name, excluded bool) (bool, error) {
	kind, known := kinds[s.kind]
	if !known || s.unusual {
		return false, s.unknown()
	}
	matches, err := kind.match(s.value, n.value, excluded)
	if err != nil {
		return false, fmt.Errorf("%s: %w", n, err)
	}
	return matches, nil
}

var errMalformed = errors.New("the name constraints are malformed")

func parse(value []byte) (*rules, error) {
	outer := cryptobyte.String(value)
	var top, permitted, excluded cryptobyte.String
	var some, none bool
	if !outer.ReadASN1(&top, cbasn1.SEQUENCE) || !outer.Empty() ||
		!top.ReadOptionalASN1(&permitted, &some, cbasn1.Tag(0).ContextSpecific().Constructed()) ||
		!top.ReadOptionalASN1(&excluded, &none, cbasn1.Tag(1).ContextSpecific().Constructed()) ||
		!top.Empty() {
		return nil, errMalformed
	}
	r := &rules{}
	var err error
	if r.permitted, err = parseSubtrees(permitted); err != nil {
		return nil, err
	}
	r.excluded, err = parseSubtrees(excluded)
	return r, err
}

func parseSubtrees(in cryptobyte.String) ([]subtree, error) {
	var all []subtree
	for !in.Empty() {
		var one, value cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadAnyASN1(&value, &tag) || !isKind(tag) {
			return nil, errMalformed
		}
		// A minimum of zero is the default; DER leaves it out, some do not.
		zero := string(one) == "\x80\x01\x00"
		all = append(all, subtree{kind: uint8(tag) & 0x1f, value: value, unusual: !one.Empty() && !zero})
	}
	return all, nil
}
