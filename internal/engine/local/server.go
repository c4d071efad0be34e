package local

import (
	"crypto/tls"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/session"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust"
)

func newServerSettings(l *Engine, scope string, req *engine.Request) *settings {
	s := newSettings(l, scope, req)
	s.scope = serverScope(req, s.config, s.suites13)
	ids, pol := req.Identities, req.Policy
	s.config.GetConfigForClient = chooseSuite
	s.config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		suiteChosen(hello)
		cert, err := identity.Select(ids, hello)
		if err == nil && pol.OCSPStapling {
			cert = l.staplers.staple(cert, pol)
		}
		return cert, err
	}
	s.config.VerifyConnection = func(cs tls.ConnectionState) error {
		if err := s.check(cs); err != nil {
			return err
		}
		return nil
	}
	if s.lifetime > 0 {
		session.BindName(s.config)
	}
	if req.Policy.ClientAuth != policy.ClientAuthNone {
		s.askClients(l, req)
	}
	return s
}

// askClients makes a server ask its clients for certificates. crypto/tls sees
// to it that there is one where it is required, and that the client has its
// key; whose it is, is for the verifier to judge, in verifyClient.
func (s *settings) askClients(l *Engine, req *engine.Request) {
	s.config.ClientAuth = tls.RequireAnyClientCert
	if req.Policy.ClientAuth == policy.ClientAuthRequest {
		s.config.ClientAuth = tls.RequestClientCert
	}
	r := rootsForClients(req)
	s.config.ClientCAs = r.hints(req)
	s.verifier = l.newVerifier(trust.ClientCertificate, req.Policy, r)
}

// serverConfig completes the settings for one connection.
func (a *attempt) serverConfig() *tls.Config {
	secrets := a.keyLog()
	if a.settings.verifier == nil && secrets == nil {
		return a.settings.config
	}
	config := a.settings.config.Clone()
	config.KeyLogWriter = secrets
	if a.settings.verifier != nil {
		config.VerifyConnection = a.verifyClient
	}
	return config
}

// verifyClient judges the client, in full handshakes and in resumed ones.
func (a *attempt) verifyClient(cs tls.ConnectionState) error {
	if err := a.settings.check(cs); err != nil {
		return err
	}
	if len(cs.PeerCertificates) == 0 && a.req.Policy.ClientAuth == policy.ClientAuthRequest {
		return nil
	}
	result, err := a.settings.verifier.VerifyPeer(a.ctx, trust.Peer{Chain: cs.PeerCertificates},
		a.engine.cfg.Now())
	if err != nil {
		return err
	}
	a.verified = result
	return nil
}

// noClientCertificate is what crypto/tls says when a required certificate is
// missing; it has no type for that.
const noClientCertificate = "tls: client didn't provide a certificate"

// noCertificateSentence says who required a certificate that is missing.
func (a *attempt) noCertificateSentence() string {
	base := a.req.Policy.Base()
	if base.ClientAuth == policy.ClientAuthRequire {
		return "the client showed no certificate, and the policy requires one (server.client_auth, " + base.Origin("server.client_auth").String() + ")"
	}
	return "the client showed no certificate, and the program requires one (TLS_REQUEST_PEER_AUTH)"
}
