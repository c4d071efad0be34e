package local_test

import (
	"crypto/tls"
	"fmt"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// fmtFacts writes facts so that two can be compared by eye.
func fmtFacts(f engine.Facts) string {
	return fmt.Sprintf("%s %s alpn=%q sni=%q peer=%q chain=%d resumed=%v group=%s", tls.VersionName(f.Version),
		tls.CipherSuiteName(f.CipherSuite), f.ALPN, f.ServerName, f.PeerIdentity, len(f.PeerChain),
		f.Resumed, f.Group)
}
