package local

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// localListener is a Listener of a local engine.
type localListener struct {
	engine *Engine
	// req is as it came: without identities, each handshake takes those that the
	// policy has then.
	req *engine.Request
}

// Renew makes open listeners serve the identities of a policy that was loaded
// again, under the names that they have. All else of theirs stays as it was when
// they began to listen.
// What is gone from that policy they go on serving.
func (l *Engine) Renew(p *policy.Policy) {
	l.renewing.Lock()
	defer l.renewing.Unlock()
	now := p.Loaded()
	for name, id := range *l.renewed.Load() {
		if now[name] == nil {
			now[name] = id
		}
	}
	l.renewed.Store(&now)
}

// Listen implements Engine.
func (l *Engine) Listen(_ context.Context, req *engine.Request) (engine.Listener, error) {
	full, err := l.withIdentities(req)
	if err == nil {
		err = checkRequest(full)
	}
	if err != nil {
		return nil, err
	}
	return &localListener{l, req}, nil
}

// withIdentities gives a server without identities those of the policy.
func (l *Engine) withIdentities(req *engine.Request) (*engine.Request, *engine.Error) {
	if req.Role != engine.Server || len(req.Identities) > 0 || req.Policy == nil {
		return req, nil
	}
	identities, err := req.Policy.IdentitiesNow(*l.renewed.Load())
	if err != nil {
		return nil,
			&engine.Error{Reason: engine.Refused,
				Sentence: fmt.Sprintf("the policy's identity cannot be used: %v", err), Err: err}
	}
	full := *req
	full.Identities = identities
	return &full, nil
}

// Served is a certificate that a listener serves.
type Served struct {
	// Identity is its name in the policy, "" for one that the program brought.
	Identity string
	Leaf     *x509.Certificate
}

// Serving returns what the listener serves now.
func (s *localListener) Serving() []Served {
	full, err := s.engine.withIdentities(s.req)
	if err != nil {
		return nil
	}
	var served []Served
	for i, id := range full.Identities {
		one := Served{Leaf: id.Leaf()}
		if len(s.req.Identities) == 0 && i < len(s.req.Policy.ServerIdentities) {
			one.Identity = s.req.Policy.ServerIdentities[i].Name
		}
		served = append(served, one)
	}
	return served
}

// Handshake implements Listener.
func (s *localListener) Handshake(ctx context.Context, tcp engine.Stream,
	id uint64) (engine.Conn, error) {
	req := *s.req
	req.ID = id
	return s.engine.Handshake(ctx, tcp, &req)
}

// Close implements Listener: there is nothing to give up.
func (s *localListener) Close() {}
