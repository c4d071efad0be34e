package policy

import (
	"crypto/x509"
	"slices"
	"strings"
	"sync"

	"github.com/secure-socket-api/ssa/internal/trust/constraints"
)

// Anchors are trusted root certificates. Those of files named in a policy are
// read when it is loaded; the system trust store only when it is first needed,
// since most starts of a program need no TLS at all.
type Anchors struct {
	fixed  []*x509.Certificate
	system *systemStore // nil without the system trust store

	once sync.Once
	pool *x509.CertPool
}

// FixedAnchors returns anchors that consist of the given certificates.
func FixedAnchors(certs ...*x509.Certificate) *Anchors {
	return &Anchors{fixed: certs}
}

// NamedRoots returns the anchors that trust.roots names by file or folder,
// without the system trust store, and says where they come from.
func (e *Effective) NamedRoots() (anchors []*x509.Certificate, from string) {
	if e.Anchors == nil {
		return nil, ""
	}
	if e.Anchors.system == nil {
		return e.Anchors.fixed, e.RootsFrom
	}
	named := slices.DeleteFunc(slices.Clone(e.roots),
		func(item string) bool { return item == systemRootsWord })
	return e.Anchors.fixed, strings.Join(named, " and ")
}

// SystemRoots says whether the system trust store is among the anchors.
func (e *Effective) SystemRoots() bool { return e.Anchors != nil && e.Anchors.system != nil }

// Pool returns the anchors as a pool that must not be changed. It is never
// nil; that of a nil *Anchors is empty.
func (a *Anchors) Pool() *x509.CertPool {
	if a == nil {
		return x509.NewCertPool()
	}
	a.once.Do(func() {
		pool := x509.NewCertPool()
		if a.system != nil {
			pool = a.system.load().Clone()
		}
		for _, cert := range a.fixed {
			pool.AddCert(constraints.Relax(cert))
		}
		a.pool = pool
	})
	return a.pool
}
