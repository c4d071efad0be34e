package local

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/relay"
	"github.com/secure-socket-api/ssa/internal/engine/session"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// attempt is one handshake under way.
type attempt struct {
	engine   *Engine
	req      *engine.Request
	settings *settings
	wire     *gatedWire
	// ctx ends with the handshake; verification asks others within it.
	ctx      context.Context
	slot     *session.Slot // nil for a server, or when nothing is resumed
	verified *trust.Result // nil until the peer's certificate has been accepted
	side
}

// side is what there is to know of our end when the peer is not content.
type side struct {
	role engine.Role
	// nothingToShow says that the server asked for a certificate, and got none.
	nothingToShow bool
}

// start prepares the handshake; nothing has been sent yet.
func (a *attempt) start(wire *relay.Wire) (*tls.Conn, *engine.Error) {
	if err := checkRequest(a.req); err != nil {
		return nil, err
	}
	if a.req.Role == engine.Server {
		a.settings = a.engine.settings.get(keyOf(a.req),
			func(scope string) *settings { return newServerSettings(a.engine, scope, a.req) })
		a.settings.refreshTicketKeys(a.engine)
		a.wire = &gatedWire{Wire: wire, list: a.settings.suites13}
		return tls.Server(a.wire, a.serverConfig()), nil
	}
	a.settings = a.engine.settings.get(keyOf(a.req),
		func(scope string) *settings { return newClientSettings(a.engine, scope, a.req) })
	a.wire = &gatedWire{Wire: wire, list: a.settings.suites13}
	return tls.Client(a.wire, a.clientConfig(wire)), nil
}

// run performs the handshake within its time.
func (a *attempt) run(ctx context.Context, conn *tls.Conn) *engine.Error {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if limit := timeLimit(a.req); limit > 0 {
		limited, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	a.ctx = limited
	// A server enters when it has read a hello; it must not wait for that in there.
	if a.req.Role == engine.Client {
		a.wire.enter()
	}
	defer a.wire.leave()
	if err := conn.HandshakeContext(limited); err != nil {
		return a.explain(ctx, err)
	}
	a.wire.established, a.wire.plaintext = true, nil
	if a.slot != nil {
		a.slot.Established(conn.ConnectionState())
	}
	return nil
}

// timeLimit is how long the handshake may take, zero for no limit.
func timeLimit(req *engine.Request) time.Duration {
	limit, policys := req.HandshakeTimeout, req.Policy.ClientHandshakeTimeout
	if req.Role == engine.Server {
		policys = req.Policy.HandshakeTimeout
	}
	if policys > 0 && (limit == 0 || policys < limit) {
		limit = policys
	}
	return limit
}

func checkRequest(req *engine.Request) *engine.Error {
	pol := req.Policy
	switch {
	case pol == nil:
		return refused("the request has no policy; this is a bug in ssa")
	case minVersion(pol.MinVersion) > highest(pol):
		return refused("the policy and the program's settings leave no TLS version to use")
	}
	for _, protocol := range req.ALPN {
		if len(protocol) == 0 || len(protocol) > 255 {
			return refused("a protocol of TLS_ALPN is empty or longer than 255 bytes")
		}
	}
	switch req.Role {
	case engine.Client:
		return checkName(req.Name)
	case engine.Server:
		if len(req.Identities) == 0 {
			return refused("a server needs a certificate: set TLS_CERTIFICATE_CHAIN and TLS_PRIVATE_KEY before listen")
		}
		if err := checkServerALPN(req); err != nil {
			return err
		}
		return checkClientAuth(req)
	}
	return refused(fmt.Sprintf("the request has an unknown role %d; this is a bug in ssa", req.Role))
}

// checkServerALPN refuses protocols that the policy does not let servers speak.
func checkServerALPN(req *engine.Request) *engine.Error {
	allowed := req.Policy.ServerALPN
	for _, protocol := range req.ALPN {
		if len(allowed) > 0 && !slices.Contains(allowed, protocol) {
			return refused(fmt.Sprintf("the policy does not let a server speak %q of TLS_ALPN (server.alpn, %s)",
				protocol, req.Policy.Base().Origin("server.alpn")))
		}
	}
	return nil
}

func refused(sentence string) *engine.Error {
	return &engine.Error{Reason: engine.Refused, Sentence: sentence}
}

// check holds what was negotiated against the policy: crypto/tls has been told
// what to offer and to accept, and this is the second look. It runs before
// either side can send data.
func (s *settings) check(cs tls.ConnectionState) *engine.Error {
	pol := s.policy
	suites := pol.CipherSuites
	if cs.Version >= tls.VersionTLS13 {
		suites = pol.CipherSuites13
	}
	switch {
	case cs.Version < minVersion(pol.MinVersion) || cs.Version > maxVersion(pol.MaxVersion):
		return refused(fmt.Sprintf("the handshake chose %s, which the policy does not allow", tls.VersionName(cs.Version)))
	case suites != nil && !slices.Contains(suites, cs.CipherSuite):
		return refused(fmt.Sprintf("the handshake chose %s, which the policy does not allow", tls.CipherSuiteName(cs.CipherSuite)))
	case pol.KeyExchange != nil && cs.CurveID != 0 && !slices.Contains(pol.KeyExchange, cs.CurveID):
		return refused(fmt.Sprintf("the handshake chose the key exchange %s, which the policy does not allow", cs.CurveID))
	}
	return nil
}

// facts are what the caller is told.
func (a *attempt) facts(cs tls.ConnectionState) *engine.Facts {
	f := &engine.Facts{
		ID:          a.req.ID,
		Version:     cs.Version,
		CipherSuite: cs.CipherSuite,
		ALPN:        cs.NegotiatedProtocol,
		ServerName:  cs.ServerName,
		Resumed:     cs.DidResume,
	}
	if cs.CurveID != 0 {
		f.Group = cs.CurveID.String()
	}
	if a.verified != nil {
		f.PeerIdentity = a.verified.Identity
		f.Revocation, f.Logs = a.verified.Revocation, a.verified.Logs
	}
	for _, cert := range cs.PeerCertificates {
		der := cert.Raw
		if cert.PublicKey == nil {
			der = identity.Unmarked(der) // see transcript
		}
		f.PeerChain = append(f.PeerChain, der)
	}
	return f
}
