package engine

import (
	"context"
	"fmt"
)

// localListener is a Listener of a Local engine.
type localListener struct {
	engine *Local
	req    *Request
}

// Listen implements Engine.
func (l *Local) Listen(_ context.Context, req *Request) (Listener, error) {
	full, err := withIdentities(req)
	if err == nil {
		err = checkRequest(full)
	}
	if err != nil {
		return nil, err
	}
	return &localListener{l, full}, nil
}

// withIdentities gives a server without identities those of the policy.
func withIdentities(req *Request) (*Request, *Error) {
	if req.Role != Server || len(req.Identities) > 0 || req.Policy == nil {
		return req, nil
	}
	identities, err := req.Policy.Identities()
	if err != nil {
		return nil, &Error{Reason: Refused, Sentence: fmt.Sprintf("the policy's identity cannot be used: %v", err), Err: err}
	}
	full := *req
	full.Identities = identities
	return &full, nil
}

// Handshake implements Listener.
func (s *localListener) Handshake(ctx context.Context, tcp Stream, id uint64) (Conn, error) {
	req := *s.req
	req.ID = id
	return s.engine.Handshake(ctx, tcp, &req)
}

// Close implements Listener: there is nothing to give up.
func (s *localListener) Close() {}
