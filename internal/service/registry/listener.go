package registry

import (
	"cmp"
	"crypto/x509"
	"slices"
	"time"
)

// ListenerInfo describes a server that listens.
type ListenerInfo struct {
	Program ProgramInfo `json:"program"`
	Began   time.Time   `json:"began"`
	// Serves are its certificates at this moment, the default one first.
	Serves []ServedCertificate `json:"serves"`
}

// ServedCertificate is one that a server shows.
type ServedCertificate struct {
	// Identity is its name in the policy, "" for one that the program brought.
	Identity string    `json:"identity,omitempty"`
	Subject  string    `json:"subject"`
	Serial   string    `json:"serial"` // hexadecimal
	NotAfter time.Time `json:"not_after"`
}

// ServedCertificateOf describes a certificate.
func ServedCertificateOf(identity string, leaf *x509.Certificate) ServedCertificate {
	return ServedCertificate{Identity: identity, Subject: clip(leaf.Subject.String()),
		Serial: leaf.SerialNumber.Text(16), NotAfter: leaf.NotAfter.UTC()}
}

// maxListeners bounds what one status shows of listeners and their certificates.
const (
	maxListeners = 1000
	maxServed    = 20
)

// listening is a server that is there.
type listening struct {
	number  uint64
	program ProgramInfo
	began   time.Time
	serving func() []ServedCertificate
}

// Listen notes a server until ended is called. serving must be cheap, and must
// not call the registry back.
func (r *Registry) Listen(p ProgramInfo, serving func() []ServedCertificate) (ended func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listening == nil {
		r.listening = map[*listening]struct{}{}
	}
	r.listened++
	l := &listening{r.listened, p, r.cfg.Now(), serving}
	r.listening[l] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listening, l)
	}
}

// listenersLocked returns the servers that a viewer sees, the oldest first.
func (r *Registry) listenersLocked(v Viewer) []ListenerInfo {
	var seen []*listening
	for l := range r.listening {
		if v.sees(l.program.UID) {
			seen = append(seen, l)
		}
	}
	slices.SortFunc(seen, func(a, b *listening) int { return cmp.Compare(a.number, b.number) })
	var all []ListenerInfo
	for _, l := range seen[:min(len(seen), maxListeners)] {
		p := &l.program
		certs := l.serving()
		all = append(all, ListenerInfo{
			Program: ProgramInfo{PID: p.PID, UID: p.UID, Exe: clip(p.Exe), Script: clip(p.Script),
				Profile: clip(p.Profile), Cgroup: clip(p.Cgroup)},
			Began: l.began.UTC(), Serves: certs[:min(len(certs), maxServed)],
		})
	}
	return all
}
