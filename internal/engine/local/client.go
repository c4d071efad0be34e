package local

import (
	"crypto/tls"
	"io"
	"net/netip"
	"strings"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/relay"
	"github.com/secure-socket-api/ssa/internal/engine/session"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// maxChainBytes bounds the chains of peers whose sessions are kept, since a
// session holds on to its peer's chain.
const maxChainBytes = 32 << 10

func newClientSettings(l *Engine, scope string, req *engine.Request) *settings {
	s := newSettings(l, scope, req)
	s.verifier = l.newVerifier(trust.ServerCertificate, req.Policy, rootsOf(req))
	// Verification is ours, in VerifyConnection, which every connection sets:
	// crypto/tls itself would verify no addresses given as text, would leave
	// out what is resumed, and has no words for people.
	s.config.InsecureSkipVerify = true
	return s
}

// clientConfig completes the settings for one connection.
func (a *attempt) clientConfig(wire *relay.Wire) *tls.Config {
	config := a.settings.config.Clone()
	config.ServerName = sni(a.req.Name)
	config.VerifyConnection = a.verify
	config.KeyLogWriter = a.keyLog()
	config.GetClientCertificate = a.clientCertificate
	if a.settings.lifetime > 0 {
		key := session.Key{Scope: a.settings.scope, Peer: strings.ToLower(a.req.Name), Port: a.port(wire)}
		a.slot = a.engine.cfg.Sessions.Slot(key, a.settings.lifetime)
		config.ClientSessionCache = a.slot
	}
	return config
}

// keyLog is where the secrets of this connection go, nil for nowhere.
func (a *attempt) keyLog() io.Writer {
	if a.engine.cfg.KeyLog == nil {
		return nil
	}
	return a.engine.cfg.KeyLog(a.req.Policy.Profile)
}

// clientCertificate answers a server that asks for a certificate.
func (a *attempt) clientCertificate(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	cert, err := identity.SelectClient(a.req.Identities, info)
	a.nothingToShow = err == nil && len(cert.Certificate) == 0
	return cert, err
}

// verify judges the server, in full handshakes and in resumed ones.
func (a *attempt) verify(cs tls.ConnectionState) error {
	if err := a.settings.check(cs); err != nil {
		return err
	}
	if a.req.Policy.SkipVerify {
		return nil // and a.verified stays nil: nobody knows who the peer is
	}
	result, err := a.settings.verifier.VerifyPeer(a.ctx, trust.Peer{
		Chain: cs.PeerCertificates, Name: a.req.Name,
		Staple: cs.OCSPResponse, Timestamps: cs.SignedCertificateTimestamps,
	}, a.engine.cfg.Now())
	if err != nil {
		return err
	}
	a.verified = result
	if a.slot != nil && !result.StapledUntil.IsZero() {
		a.slot.Limit(result.StapledUntil)
	}
	size := 0
	for _, cert := range cs.PeerCertificates {
		size += len(cert.Raw)
	}
	if a.slot != nil && size > maxChainBytes {
		a.slot.Close()
	}
	return nil
}

// checkName refuses what can be neither a host name nor an address, before it
// is sent to anyone.
func checkName(name string) *engine.Error {
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	host := strings.TrimSuffix(name, ".")
	if host == "" {
		return refused("a client needs the name of its peer: set TLS_REMOTE_HOSTNAME, or connect to an AF_HOSTNAME address")
	}
	if len(host) > 253 {
		return refused("the name of the peer is longer than a host name can be (253 bytes)")
	}
	for i := range len(host) {
		switch b := host[i]; {
		case b >= 0x80:
			return refused("the name of the peer is not ASCII: give an internationalised name in its xn-- form")
		case b <= ' ' || b == 0x7f || strings.IndexByte("/\\:@[]%\"'<>?#&*", b) >= 0:
			return refused("the name of the peer has a character that is in no host name")
		}
	}
	return nil
}

// sni is the name to send in the hello: host names only, without final dot
// (RFC 6066, section 3).
func sni(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	return strings.TrimSuffix(name, ".")
}

// port is the peer's, from the request or else from the connection.
func (a *attempt) port(wire *relay.Wire) uint16 {
	if a.req.Port != 0 || wire.RemoteAddr() == nil {
		return a.req.Port
	}
	addr, err := netip.ParseAddrPort(wire.RemoteAddr().String())
	if err != nil {
		return 0
	}
	return addr.Port()
}
