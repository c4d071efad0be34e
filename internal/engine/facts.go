package engine

import (
	"crypto/tls"
	"strings"
)

// String tells the facts in one line for a person.
func (f *Facts) String() string {
	parts := []string{tls.VersionName(f.Version), tls.CipherSuiteName(f.CipherSuite)}
	if f.Group != "" {
		parts = append(parts, f.Group)
	}
	if f.ServerName != "" {
		parts = append(parts, "asked for "+f.ServerName)
	}
	if f.ALPN != "" {
		parts = append(parts, "ALPN "+f.ALPN)
	}
	if f.PeerIdentity != "" {
		parts = append(parts, "peer "+f.PeerIdentity)
	}
	if f.Resumed {
		parts = append(parts, "resumed")
	}
	return strings.Join(parts, ", ")
}
