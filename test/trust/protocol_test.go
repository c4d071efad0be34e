//go:build linux

package trust

import (
	"crypto/tls"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// only is a server of RSA and one version that can do nothing but these suites.
func only(version uint16, suites ...uint16) func(*world) *tls.Config {
	return func(w *world) *tls.Config {
		config := with(w.root.Issue(w, ssatest.Leaf{Names: []string{host}, RSA: 2048}))
		config.MinVersion, config.MaxVersion, config.CipherSuites = version, version, suites
		return config
	}
}

func old(version uint16, suites ...uint16) *tls.Config {
	return &tls.Config{MinVersion: version, MaxVersion: version, CipherSuites: suites}
}

// TestProtocols: each of these servers works, as a client that still can do
// what it wants shows; a program under ssa must not talk to it.
func TestProtocols(t *testing.T) {
	const v10, v11, v12 = tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12
	var sites []site
	for _, s := range []struct {
		name    string
		version uint16
		suite   uint16
		word    string
	}{
		{"TLS 1.0", v10, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "version"},
		{"TLS 1.1", v11, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "version"},
		{"RC4", v12, tls.TLS_RSA_WITH_RC4_128_SHA, "handshake"},
		{"ECDHE with RC4", v12, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, "handshake"},
		{"3DES", v12, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, "handshake"},
		{"CBC", v12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "handshake"},
		{"CBC with SHA-256", v12, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "handshake"},
		{"static RSA", v12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "handshake"},
		{"static RSA with CBC", v12, tls.TLS_RSA_WITH_AES_256_CBC_SHA, "handshake"},
	} {
		sites = append(sites, site{name: s.name, serve: only(s.version, s.suite),
			control: old(s.version, s.suite), words: []string{s.word}})
	}
	sites = append(sites,
		site{name: "TLS 1.2", serve: only(v12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)},
		site{name: "TLS 1.3", serve: only(tls.VersionTLS13)},
		site{name: "P-521 alone", serve: func(w *world) *tls.Config {
			config := with(w.root.Issue(w, named(host)))
			config.CurvePreferences = []tls.CurveID{tls.CurveP521}
			return config
		}, control: &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP521}},
			words: []string{"handshake"}})
	run(t, sites)
}
