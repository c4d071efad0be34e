package registry

import (
	"slices"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// Certificate is one of ours, and when it ends.
type Certificate struct {
	// Identity is its name in the policy.
	Identity string    `json:"identity"`
	Subject  string    `json:"subject"`
	Names    []string  `json:"names"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
	// Profiles are those whose servers show it.
	Profiles []string `json:"profiles"`
	// Soon says that it ends within the time that is warned of, or has ended.
	Soon bool `json:"soon"`
}

// DefaultExpiryWarning is how long before its end a certificate is warned of.
const DefaultExpiryWarning = 30 * 24 * time.Hour

// SetCertificates replaces what is known of our certificates: at start and
// when the policy was loaded again.
func (r *Registry) SetCertificates(certs []Certificate) {
	certs = slices.Clone(certs)
	slices.SortStableFunc(certs, func(a, b Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	r.mu.Lock()
	before := r.certs
	r.certs = certs
	r.mu.Unlock()
	// The policy may be loaded often, and those there before are warned of daily.
	r.warnOfCertificates(func(c *Certificate) bool {
		return !slices.ContainsFunc(before,
			func(o Certificate) bool { return o.Identity == c.Identity && o.NotAfter.Equal(c.NotAfter) })
	})
}

// Certificates returns what is known of our certificates, the first to end
// first.
func (r *Registry) Certificates() []Certificate {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.certificatesLocked()
}

func (r *Registry) certificatesLocked() []Certificate {
	certs := slices.Clone(r.certs)
	limit := r.cfg.Now().Add(r.cfg.ExpiryWarning)
	for i := range certs {
		certs[i].NotAfter = certs[i].NotAfter.UTC()
		certs[i].Soon = certs[i].NotAfter.Before(limit)
	}
	return certs
}

func (r *Registry) warnOfCertificates(which func(*Certificate) bool) {
	for _, c := range r.Certificates() {
		if c.Soon && which(&c) {
			r.cfg.Expiring(c)
		}
	}
}

// CertificatesOf lists the certificates that servers show under a policy. Those
// that this process may not have are left out.
func CertificatesOf(p *policy.Policy) []Certificate {
	var certs []Certificate
	place := map[string]int{} // by identity
	for _, e := range append(p.Profiles(), p.Default()) {
		ids, err := e.Identities()
		if err != nil {
			continue
		}
		for i, id := range ids {
			name := e.ServerIdentities[i].Name
			at, known := place[name]
			if !known {
				at = len(certs)
				place[name] = at
				leaf := id.Leaf()
				certs = append(certs, Certificate{Identity: name, Subject: clip(leaf.Subject.String()),
					Names:  id.Names(),
					Issuer: clip(leaf.Issuer.String()), NotAfter: leaf.NotAfter})
			}
			certs[at].Profiles = append(certs[at].Profiles, e.Profile)
		}
	}
	return certs
}

// KeyLog is a key log that is switched on.
type KeyLog struct {
	Profile string    `json:"profile"`
	Until   time.Time `json:"until"`
	// By is the user who switched it on.
	By      uint32 `json:"by"`
	Written uint64 `json:"written"` // lines so far
}

// WatchKeyLogs shows what a function lists from now on. It must be cheap, and
// must not call the registry back.
func (r *Registry) WatchKeyLogs(list func() []KeyLog) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keyLogs = list
}

// RevocationList is a local list that the policy names (trust.crl_files).
type RevocationList struct {
	Path string `json:"path"`
	// Problem says what is wrong with it; "" when nothing is.
	Problem string `json:"problem,omitempty"`
}

// WatchLists shows what a function lists from now on. It must be cheap, and
// must not call the registry back.
func (r *Registry) WatchLists(list func() []RevocationList) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = list
}

func (r *Registry) listsLocked() []RevocationList {
	if r.lists == nil {
		return nil
	}
	return r.lists()
}
