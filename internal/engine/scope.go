package engine

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// serverScope names all that the sessions of a server depend on, so that two
// servers with the same name, on one machine or on two, may resume each
// other's: their policy says the same in the same profile, and they show the
// same certificates. Files count by what is in them, and nothing by its
// address. The system trust store counts as such: machines have different
// editions of it, and a client's chain is verified in a resumed handshake as
// in a full one, on the machine that resumes it.
func serverScope(req *Request, config *tls.Config, suites13 []uint16) string {
	d := &digest{make([]byte, 0, 1024)}
	d.text("ssa/server-scope/1")
	pol := req.Policy
	d.text(pol.Profile)
	d.number(uint64(config.MinVersion), uint64(config.MaxVersion))
	numbers(d, config.CipherSuites)
	numbers(d, suites13)
	numbers(d, config.CurvePreferences)
	d.judgement(pol)
	d.anchors(pol)
	d.number(uint64(pol.ProgramRoots), uint64(pol.ClientAuth))
	d.number(uint64(pol.Lifetime), uint64(pol.SharedBy))
	d.text(req.Sharers)
	d.texts(req.ALPN)
	d.texts(pol.ServerALPN)
	d.identities(req.Identities)
	d.certificates(req.ProgramRoots)
	sum := sha256.Sum256(d.data)
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// anchors adds whom a policy trusts, by content.
func (d *digest) anchors(pol *policy.Effective) {
	named, _ := pol.NamedRoots()
	d.flags(pol.Anchors != nil, pol.SystemRoots())
	d.certificates(named)
}

func (d *digest) certificates(certs []*x509.Certificate) {
	d.number(uint64(len(certs)))
	for _, cert := range certs {
		sum := sha256.Sum256(cert.Raw)
		d.data = append(d.data, sum[:]...)
	}
}
