package engine

import (
	"crypto/tls"

	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/session"
)

func newServerSettings(l *Local, scope string, req *Request) *settings {
	s := newSettings(l, scope, req)
	ids := req.Identities
	s.config.GetConfigForClient = chooseSuite
	s.config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		suiteChosen(hello)
		return identity.Select(ids, hello)
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
	return s
}
