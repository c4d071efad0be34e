package local

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// serverScope names all that the sessions of a server depend on, so that two
// servers with the same name, on one machine or on two, may resume each
// other's: their policy says the same in the same profile, and they show the
// same certificates. Files count by what is in them, and nothing by its
// address. The system trust store counts as such: machines have different
// editions of it, and a client's chain is verified in a resumed handshake as
// in a full one, on the machine that resumes it.
func serverScope(req *engine.Request, config *tls.Config, suites13 []uint16) string {
	d := &digest{make([]byte, 0, 1024)}
	d.text("ssa/server-scope/2")
	in := ingredients{Request: req, pol: req.Policy, config: config, suites13: suites13}
	for _, fields := range [][]dependence{policyFields, requestFields} {
		for i := range fields {
			if add := fields[i].scope; add != nil {
				add(d, in)
			}
		}
	}
	sum := sha256.Sum256(d.data)
	return base64.RawStdEncoding.EncodeToString(sum[:])
}
