package local

import (
	"crypto/x509"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust/constraints"
)

// roots are the anchors of one verifier.
type roots struct {
	pool    func() *x509.CertPool // what decides
	from    string                // where that comes from
	program []*x509.Certificate   // the program's, which narrow it
}

// rootsOf returns who may vouch for a peer.
func rootsOf(req *engine.Request) roots {
	pol := req.Policy
	if len(req.ProgramRoots) == 0 || pol.ProgramRoots == policy.Ignore {
		return roots{pool: pol.Roots, from: pol.RootsFrom}
	}
	if pol.ProgramRoots == policy.Replace {
		return roots{pool: poolOf(req.ProgramRoots), from: "the program (TLS_TRUSTED_PEER_CERTIFICATES)"}
	}
	return roots{pool: pol.Roots, from: pol.RootsFrom, program: req.ProgramRoots}
}

// rootsForClients returns who may vouch for a client. The system trust store
// is there to vouch for the servers of the web: alone it would let in whoever
// bought a certificate anywhere. So it counts only where the program narrows it.
func rootsForClients(req *engine.Request) roots {
	if len(req.ProgramRoots) > 0 && req.Policy.ProgramRoots != policy.Ignore {
		return rootsOf(req)
	}
	named, from := req.Policy.NamedRoots()
	return roots{pool: poolOf(named), from: from}
}

// checkClientAuth refuses a server that asks its clients for certificates
// that nobody could vouch for.
func checkClientAuth(req *engine.Request) *engine.Error {
	if req.Policy.ClientAuth == policy.ClientAuthNone ||
		len(req.ProgramRoots) > 0 && req.Policy.ProgramRoots != policy.Ignore {
		return nil
	}
	if named, _ := req.Policy.NamedRoots(); len(named) > 0 {
		return nil
	}
	return refused("a server that asks for client certificates must say who may vouch for clients, and the system trust store is for servers: " +
		"name an authority in trust.roots in the policy, or set TLS_TRUSTED_PEER_CERTIFICATES")
}

// maxHints bounds the authorities that a server tells its clients.
const maxHints = 50

// hints returns the authorities to tell clients, so that one with several
// certificates can pick the right one; nil when there are too many to tell, or
// when a certificate that is no authority's is accepted for itself.
func (r roots) hints(req *engine.Request) *x509.CertPool {
	certs := r.program
	if len(certs) == 0 && req.Policy.ProgramRoots == policy.Replace {
		certs = req.ProgramRoots
	}
	if len(certs) == 0 {
		certs, _ = req.Policy.NamedRoots()
	}
	if len(certs) > maxHints {
		return nil
	}
	for _, cert := range certs {
		if !cert.IsCA {
			return nil
		}
	}
	return poolOf(certs)()
}

func poolOf(certs []*x509.Certificate) func() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(constraints.Relax(cert))
	}
	return func() *x509.CertPool { return pool }
}
