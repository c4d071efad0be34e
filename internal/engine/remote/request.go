package remote

import (
	"fmt"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// encodeRequest writes a request for the service. What the policy allows is not
// in it: the service finds that out by itself.
func encodeRequest(req *engine.Request) (wire.Request, *engine.Error) {
	r := wire.Request{
		Server: req.Role == engine.Server, Exe: req.Program.Exe, ExeFile: req.Program.File,
		Name: req.Name, Port: req.Port,
		Options: req.Asked.Options(), ALPN: req.ALPN,
		TimeoutMillis: uint64(req.HandshakeTimeout / time.Millisecond),
	}
	for _, id := range req.Identities {
		pem, err := id.Handover()
		if err != nil {
			return r, &engine.Error{Reason: engine.Refused, Sentence: fmt.Sprintf("the certificate of the program cannot be used: %v", err), Err: err}
		}
		r.Identities = append(r.Identities, pem)
	}
	for _, root := range req.ProgramRoots {
		r.Roots = append(r.Roots, root.Raw)
	}
	return r, nil
}

// forget clears the keys of a request that has been sent.
func forget(r *wire.Request) {
	for _, pem := range r.Identities {
		clear(pem)
	}
}

// facts are those of an answer.
func facts(m *wire.Established) *engine.Facts {
	return &engine.Facts{
		ID:      m.ID,
		Version: m.TLSVersion, CipherSuite: m.CipherSuite, ALPN: m.ALPN, ServerName: m.ServerName,
		PeerIdentity: m.PeerIdentity,
		PeerChain:    m.PeerChain, Resumed: m.Resumed, Group: m.Group, Revocation: m.Revocation,
		Logs: m.Logs,
	}
}
