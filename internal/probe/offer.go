package probe

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// Offered is what a peer chose from everything that crypto/tls has, the broken
// included.
type Offered struct {
	Version string `json:"version"`
	Suite   string `json:"cipher_suite"`
	Group   string `json:"group,omitempty"`
	ALPN    string `json:"alpn,omitempty"`
	Stapled bool   `json:"stapled_ocsp"`
	// Timestamps counts signed certificate timestamps of the handshake; those
	// inside certificates come on top.
	Timestamps int `json:"timestamps"`
}

func allSuites() []uint16 {
	var ids []uint16
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, suite := range list {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// offer connects offering every suite and group: within the policy's versions
// first, so that the reason for a refusal can be told, then with all versions.
func (r *run) offer(ctx context.Context) (*Offered, *tls.ConnectionState) {
	pol := r.cfg.Policy
	state := r.look(ctx, pol.MinVersion, pol.MaxVersion)
	if state == nil {
		state = r.look(ctx, tls.VersionTLS10, tls.VersionTLS13)
	}
	if state == nil {
		return nil, nil
	}
	o := &Offered{
		Version: tls.VersionName(state.Version), Suite: tls.CipherSuiteName(state.CipherSuite),
		ALPN:    clean(state.NegotiatedProtocol),
		Stapled: len(state.OCSPResponse) > 0, Timestamps: len(state.SignedCertificateTimestamps),
	}
	if state.CurveID != 0 {
		o.Group = state.CurveID.String()
	}
	return o, state
}

// look makes one connection for its handshake alone. Nobody is verified, since
// nothing is sent and whatever comes is shown to a person as what it is.
func (r *run) look(ctx context.Context, lowest, highest uint16) *tls.ConnectionState {
	tcp, err := r.cfg.Dial(ctx)
	if err != nil {
		return nil
	}
	defer tcp.Close()
	ctx, cancel := r.limited(ctx)
	defer cancel()
	var seen *tls.ConnectionState
	conn := tls.Client(tcp, &tls.Config{
		InsecureSkipVerify: true,
		ServerName:         sni(r.cfg.Name),
		MinVersion:         lowest, MaxVersion: highest,
		CipherSuites: allSuites(), CurvePreferences: policy.AllGroups(),
		NextProtos: r.cfg.ALPN, Time: r.cfg.Now,
		VerifyConnection: func(state tls.ConnectionState) error {
			seen = &state // a peer that asks for a certificate may end it after this
			return nil
		},
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		return seen
	}
	state := conn.ConnectionState()
	_ = conn.Close() // says close_notify; whether it is heard changes nothing
	return &state
}

func (r *run) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.cfg.Timeout > 0 {
		return context.WithTimeout(ctx, r.cfg.Timeout)
	}
	return context.WithTimeout(ctx, 30*time.Second)
}

// permissive is a policy that lets through all that the engine can do, and
// verifies as before.
func permissive(pol *policy.Effective) *policy.Effective {
	p := *pol
	p.MinVersion, p.MaxVersion = policy.DefaultMinVersion, policy.DefaultMaxVersion
	p.CipherSuites, p.CipherSuites13 = nil, nil
	for _, suite := range tls.CipherSuites() {
		if suite.SupportedVersions[0] < tls.VersionTLS13 {
			p.CipherSuites = append(p.CipherSuites, suite.ID)
		}
	}
	p.KeyExchange = policy.AllGroups()
	return &p
}
