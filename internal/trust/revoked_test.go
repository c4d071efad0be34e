package trust_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/trust"
	"github.com/secure-socket-api/ssa/internal/trust/revocation/signed"
)

// oracle knows of revocations by certificate; what it does not know is good.
type oracle struct {
	answers map[string]signed.Answer
	asked   int
}

func (o *oracle) Limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func (o *oracle) Ask(_ context.Context, cert, _ *x509.Certificate, staple []byte) signed.Answer {
	o.asked++
	if a, ok := o.answers[string(cert.Raw)]; ok {
		return a
	}
	return signed.Answer{Statement: signed.Statement{Status: signed.Good}, By: "the oracle",
		Stapled: len(staple) > 0}
}

func TestRevocation(t *testing.T) {
	root := ssatest.NewAuthority(t)
	middle := root.Intermediate(t)
	chain := chainOf(t, middle.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	obliged := chainOf(t, middle.Issue(t, ssatest.Leaf{Names: []string{"a.example"},
		Edit: func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{ssatest.MustStaple()} }}))
	revoked := signed.Answer{Statement: signed.Statement{Status: signed.Revoked, RevokedAt: now,
		Reason: 1}, By: "the list x"}
	unknown := signed.Answer{Tried: []string{"OCSP at http://x/: HTTP status 404"}}
	when := now.UTC().Format("2006-01-02 15:04 UTC")
	for _, test := range []struct {
		name   string
		level  trust.Revocation
		chain  []*x509.Certificate
		staple string
		leaf   *signed.Answer
		middle *signed.Answer
		cause  trust.Cause
		want   string // of the error, "" for none
	}{
		{name: "good", level: trust.RevocationRequire},
		{name: "nothing asked", level: trust.RevocationOff, leaf: &revoked},
		{name: "leaf revoked", level: trust.RevocationPrefer, leaf: &revoked, cause: trust.Revoked,
			want: "the certificate of a.example was revoked on " + when + " because its key was compromised, says the list x; the peer needs a new certificate"},
		{name: "intermediate revoked", level: trust.RevocationPrefer, middle: &revoked,
			cause: trust.Revoked,
			want:  `the intermediate certificate "CN=SSA Test Intermediate" was revoked on ` + when + " because its key was compromised, says the list x; the peer needs a certificate from another authority"},
		{name: "unknown, preferred", level: trust.RevocationPrefer, leaf: &unknown, middle: &unknown},
		{name: "unknown, required", level: trust.RevocationRequire, leaf: &unknown,
			cause: trust.RevocationUnknown,
			want: "it is not known whether the certificate of a.example was revoked, and the policy requires an answer (trust.revocation): OCSP at http://x/: HTTP status 404; " +
				"the peer could staple an OCSP response, or a list for trust.crl_files could say it"},
		{name: "intermediate unknown, required", level: trust.RevocationRequire, middle: &unknown,
			cause: trust.RevocationUnknown,
			want:  `it is not known whether the intermediate certificate "CN=SSA Test Intermediate" was revoked`},
		{name: "must staple, and does", level: trust.RevocationPrefer, chain: obliged, staple: "x"},
		{name: "must staple, nothing asked", level: trust.RevocationOff, chain: obliged},
		{name: "must staple, none came", level: trust.RevocationPrefer, chain: obliged,
			cause: trust.NotStapled,
			want:  "the certificate of a.example obliges its holder to staple an OCSP response (must-staple), and none came; turn OCSP stapling on at the peer"},
		{name: "must staple, a bad one came", level: trust.RevocationPrefer, chain: obliged, staple: "x",
			cause: trust.NotStapled,
			leaf: &signed.Answer{Statement: signed.Statement{Status: signed.Good},
				StapleProblem: errors.New("it is old")},
			want: "the certificate of a.example obliges its holder to staple an OCSP response (must-staple), and the one that came cannot be used: it is old; turn OCSP stapling on at the peer"},
		{name: "must staple, an unknown one came", level: trust.RevocationPrefer, chain: obliged, staple: "x", cause: trust.NotStapled, leaf: &signed.Answer{},
			want: "the one that came does not say that it is good"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.chain == nil {
				test.chain = chain
			}
			o := &oracle{answers: map[string]signed.Answer{}}
			for i, a := range []*signed.Answer{test.leaf, test.middle} {
				if a != nil {
					o.answers[string(test.chain[i].Raw)] = *a
				}
			}
			v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
				Revocation: test.level, Revocations: o})
			peer := trust.Peer{Chain: test.chain, Name: "a.example", Staple: []byte(test.staple)}
			for range 2 { // what was verified once is asked again
				o.asked = 0
				_, err := v.VerifyPeer(t.Context(), peer, now)
				if test.want == "" {
					if err != nil {
						t.Errorf("refused: %v", err)
					}
					if want := map[bool]int{true: 0,
						false: 2}[test.level == trust.RevocationOff]; o.asked != want {
						t.Errorf("asked about %d certificates, want %d", o.asked, want)
					}
					continue
				}
				if cause, ok := trust.CauseOf(err); !ok || cause != test.cause ||
					!strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v: %v\nwant %v: %s", cause, err, test.cause, test.want)
				}
			}
		})
	}
}

// Of two intermediates with the same name and key, one is revoked: the other
// path is good, in whatever order the peer sends them.
func TestAnotherPath(t *testing.T) {
	root := ssatest.NewAuthority(t)
	middle := root.Intermediate(t)
	twin := middle.Renewed(t, root)
	leaf := chainOf(t, middle.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))[0]
	revoked := signed.Answer{Statement: signed.Statement{Status: signed.Revoked, RevokedAt: now},
		By: "the oracle"}
	for _, bad := range []*x509.Certificate{middle.Certificate(), twin} {
		for _, chain := range [][]*x509.Certificate{{leaf, middle.Certificate(), twin},
			{leaf, twin, middle.Certificate()}} {
			o := &oracle{answers: map[string]signed.Answer{string(bad.Raw): revoked}}
			v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
				Revocation: trust.RevocationRequire, Revocations: o})
			result, err := v.VerifyPeer(t.Context(), trust.Peer{Chain: chain, Name: "a.example"}, now)
			if err != nil {
				t.Errorf("the good path is not found: %v", err)
				continue
			}
			if result.Chain[1].Equal(bad) {
				t.Error("the accepted chain has the revoked certificate")
			}
		}
	}
}

// Without anyone to ask nothing is known, and what is required is refused.
func TestNobodyToAsk(t *testing.T) {
	root := ssatest.NewAuthority(t)
	chain := chainOf(t, root.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))
	_, err := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
		Revocation: trust.RevocationRequire}).Verify(chain, "a.example", now)
	if cause, _ := trust.CauseOf(err); cause != trust.RevocationUnknown {
		t.Errorf("got %v", err)
	}
}

// A client need not staple: there is no way to, in most of TLS.
func TestClientsNeedNotStaple(t *testing.T) {
	root := ssatest.NewAuthority(t)
	chain := chainOf(t, root.Issue(t, ssatest.Leaf{Subject: "alice", Client: true,
		Edit: func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{ssatest.MustStaple()} }}))
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
		Usage: trust.ClientCertificate, Revocation: trust.RevocationRequire, Revocations: &oracle{}})
	if _, err := v.VerifyPeer(t.Context(), trust.Peer{Chain: chain}, now); err != nil {
		t.Errorf("refused: %v", err)
	}
}

func TestTransparency(t *testing.T) {
	root := ssatest.NewAuthority(t)
	a, b := ssatest.NewLog(t, "a", "A"), ssatest.NewLog(t, "b", "B")
	v := trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
		RequireLogs: true, Logs: logList(t, a, b)})
	leaf := ssatest.Leaf{Names: []string{"a.example"}}
	result, err := v.Verify(chainOf(t, root.IssueLogged(t, leaf, a, b)), "a.example", now)
	if err != nil || len(result.Logs) != 2 {
		t.Errorf("known to two logs: %+v and error %v", result, err)
	}
	plain := chainOf(t, root.Issue(t, leaf))
	peer := trust.Peer{Chain: plain, Name: "a.example",
		Timestamps: [][]byte{a.Timestamp(t, plain[0], now)}}
	peer.Staple = root.OCSP(t, plain[0],
		ssatest.OCSPAnswer{Extensions: []pkix.Extension{ssatest.StapledTimestamps(t,
			b.Timestamp(t, plain[0], now))}})
	if _, err := v.VerifyPeer(t.Context(), peer, now); err != nil {
		t.Errorf("one in the handshake and one in the staple: %v", err)
	}
	for name, none := range map[string]*trust.Verifier{"no timestamp": v,
		"no list": trust.New(trust.Config{MinRSABits: 2048, MinECDSABits: 256, Roots: root.Pool,
			RequireLogs: true})} {
		_, err := none.Verify(plain, "a.example", now.Add(time.Second))
		if cause, _ := trust.CauseOf(err); cause != trust.NotLogged {
			t.Errorf("%s: %v", name, err)
		}
	}
}
