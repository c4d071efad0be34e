// Package probe finds out how a peer fares under a policy, for the person who
// has to decide what to change: the policy or the peer. It connects as a
// program would; when that is refused it connects once more, offering
// everything, to see what the peer does have. It never sends a byte of data,
// and what it finds by offering everything is shown, never used.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/trust"
)

// Config says whom to probe, and how.
type Config struct {
	Policy *policy.Effective
	// Name is what the peer must prove to be, and what it is asked for.
	Name string
	Port uint16
	ALPN []string
	// Dial opens a new TCP connection to the peer. It is called several times.
	Dial func(context.Context) (*net.TCPConn, error)
	// Timeout bounds each handshake.
	Timeout time.Duration
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// Report is what was found out.
type Report struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Profile  string `json:"profile"`
	Accepted bool   `json:"accepted"`
	// Negotiated is nil when the peer was refused.
	Negotiated *Negotiated `json:"negotiated,omitempty"`
	// Refusal is nil when the peer was accepted.
	Refusal *Refusal `json:"refusal,omitempty"`
	// Offered is what the peer does when it is offered everything, nil when
	// that was not tried or led nowhere.
	Offered *Offered `json:"offered,omitempty"`
	// Verification says in words whether the certificate is accepted.
	Verification string `json:"verification"`
	// Revocation is what is known of each certificate, and Transparency lists the
	// logs that know the first; empty where the policy does not ask.
	Revocation   []string `json:"revocation"`
	Transparency []string `json:"transparency"`
	// Chain is what the peer sent, its own certificate first.
	Chain []Certificate `json:"chain"`
}

// Negotiated is what a connection under the policy has.
type Negotiated struct {
	Version    string `json:"version"`
	Suite      string `json:"cipher_suite"`
	Group      string `json:"group,omitempty"`
	ALPN       string `json:"alpn,omitempty"`
	Resumption string `json:"resumption"`
	// End says what the peer did wrong, or why it ended the connection, once the
	// handshake was done; "" when it ended in good order.
	End string `json:"end,omitempty"`
}

// run is one probe under way.
type run struct {
	cfg    Config
	engine *local.Engine
	report *Report
}

// Run probes a peer. Its error says that there was no TCP connection.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &run{cfg: cfg, engine: local.New(local.Config{Now: cfg.Now}), report: &Report{
		Name: cfg.Name, Profile: cfg.Policy.Profile, Revocation: []string{}, Transparency: []string{},
		Chain: []Certificate{},
	}}
	conn, tcp, err := r.handshake(ctx, cfg.Policy)
	var refused *engine.Error
	switch {
	case errors.As(err, &refused):
		r.refused(ctx, refused)
		return r.report, nil
	case err != nil:
		return nil, err
	}
	r.accepted(ctx, conn, tcp)
	return r.report, nil
}

// handshake connects under a policy. The error is an *engine.Error when TCP
// worked.
func (r *run) handshake(ctx context.Context,
	pol *policy.Effective) (engine.Conn, *net.TCPConn, error) {
	tcp, err := r.cfg.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.report.Address = tcp.RemoteAddr().String()
	conn, err := r.engine.Handshake(ctx, tcp, &engine.Request{
		Role: engine.Client, Policy: pol, Name: r.cfg.Name, Port: r.cfg.Port, ALPN: r.cfg.ALPN,
		HandshakeTimeout: r.cfg.Timeout,
		Sharers:          "probe", // a program of its own
	})
	return conn, tcp, err
}

// accepted reports on a connection that is as the policy wants it.
func (r *run) accepted(ctx context.Context, conn engine.Conn, tcp *net.TCPConn) {
	facts := conn.Facts()
	r.report.Accepted = true
	r.report.Verification = "accepted as " + clean(facts.PeerIdentity)
	if r.setting("trust.verify") == "off" {
		r.report.Verification = "none: trust.verify is off (" +
			r.cfg.Policy.Origin("trust.verify").String() + ")"
	}
	r.report.Negotiated = &Negotiated{
		Version: tls.VersionName(facts.Version), Suite: tls.CipherSuiteName(facts.CipherSuite),
		Group: facts.Group, ALPN: clean(facts.ALPN),
	}
	r.report.Revocation, r.report.Transparency = cleanAll(facts.Revocation), cleanAll(facts.Logs)
	var chain []*x509.Certificate
	for _, der := range facts.PeerChain {
		if cert, err := x509.ParseCertificate(der); err == nil {
			chain = append(chain, cert)
		}
	}
	r.report.Chain = describe(chain)
	r.finish(ctx, conn, tcp)
}

// refused finds out why, and what the peer has instead.
func (r *run) refused(ctx context.Context, err *engine.Error) {
	r.report.Refusal = &Refusal{Reason: err.Reason.String(), Sentence: err.Sentence, Rules: []Rule{},
		Remedies: []string{}}
	offered, state := r.offer(ctx)
	if offered != nil {
		r.report.Offered = offered
		r.report.Chain = describe(state.PeerCertificates)
	}
	var untrusted *trust.Error
	switch {
	case errors.As(err, &untrusted):
		r.report.Verification = "refused: " + untrusted.Sentence
		r.blameTrust(untrusted, state)
	case state != nil:
		r.verifyAnyway(ctx, state)
		r.blameProtocol(state)
	default:
		r.report.Verification = "not reached"
	}
}

// verifyAnyway judges the certificate of a peer that was refused for another
// reason: within TLS 1.2 and 1.3 as the engine would, with all that the policy
// asks for, and below that by its chain alone.
func (r *run) verifyAnyway(ctx context.Context, state *tls.ConnectionState) {
	conn, _, err := r.handshake(ctx, permissive(r.cfg.Policy))
	if err == nil {
		r.report.Verification = "would be accepted as " + clean(conn.Facts().PeerIdentity)
		conn.Abort()
		return
	}
	pol, asked := r.cfg.Policy, ""
	var untrusted *trust.Error
	if !errors.As(err, &untrusted) {
		_, err = trust.New(trust.Config{
			Roots: pol.Roots, RootsFrom: pol.RootsFrom, Usage: trust.ServerCertificate,
			MinRSABits: pol.MinRSABits, MinECDSABits: pol.MinECDSABits, MaxDepth: pol.MaxDepth,
		}).Verify(state.PeerCertificates, r.cfg.Name, r.cfg.Now())
		asked = " (its chain and name; revocation and transparency were not asked)"
	}
	if err != nil {
		r.report.Verification = "would be refused: " + err.Error() + asked
		return
	}
	r.report.Verification = fmt.Sprintf("would be accepted as %s%s", clean(r.cfg.Name), asked)
}
