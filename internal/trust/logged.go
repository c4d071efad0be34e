package trust

import (
	"fmt"

	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

// logged checks that a server's certificate was published.
func (c *check) logged(result *Result) error {
	if !c.v.cfg.RequireLogs || c.v.cfg.Usage != ServerCertificate {
		return nil
	}
	if c.v.cfg.Logs == nil {
		return fail(NotLogged, "the policy requires transparency, and there is no list of logs (trust.transparency_logs)", nil)
	}
	evidence := transparency.Evidence{TLS: c.peer.Timestamps}
	if len(c.peer.Staple) > 0 && len(result.Chain) > 1 {
		evidence.OCSP = signed.Timestamps(c.peer.Staple, result.Chain[0], result.Chain[1])
	}
	report, err := c.v.cfg.Logs.Check(result.Chain, evidence, c.now)
	if err != nil {
		return fail(NotLogged, fmt.Sprintf("%s is not known to enough transparency logs, and the policy requires that (trust.transparency): %s; the peer needs a certificate that is in the logs, or its clients a profile that does not require it",
			c.holder(), clip(err.Error())), err)
	}
	result.Logs = report.Logs
	return nil
}
