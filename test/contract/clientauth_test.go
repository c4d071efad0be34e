//go:build linux

package contract

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

const authServer = `
s = tls()
identify(s, *args[:2])
say("roots", put(s, ROOTS, args[2]), "auth", put(s, AUTH, int(args[3])), "is", number(s, AUTH))
listen(s)
c = s.accept()[0]
say("peer", repr(text(c, IDENTITY)), "chain", text(c, 95)[:27] if text(c, 95) else None)
c.recv(1)
`

// TestRequestPeerAuth: a server asks for the certificates it wants, and never
// sees a client that has not got them.
func TestRequestPeerAuth(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	server := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	policy := ssatest.PolicyWithRoots(t, "", authority.File(t))
	alice := &authority.Issue(t, ssatest.Leaf{Subject: "alice", Client: true}).TLS
	stranger := &ssatest.NewAuthorityWith(t, ssatest.AuthorityOptions{Name: "Foreign Root"}).Issue(t,
		ssatest.Leaf{Subject: "alice", Client: true}).TLS
	serverOnly := &authority.Issue(t, ssatest.Leaf{Subject: "alice"}).TLS
	for name, test := range map[string]struct {
		auth    int
		refused []*tls.Certificate // nil: without one
		good    *tls.Certificate
		asked   bool
		want    string
	}{
		"0, without": {auth: 0, want: "peer '' chain None"},
		"0, with":    {auth: 0, good: alice, want: "peer '' chain None"},
		"1":          {auth: 1, refused: []*tls.Certificate{nil, stranger, serverOnly}, good: alice, asked: true, want: "peer 'CN=alice' chain -----BEGIN CERTIFICATE-----"},
		"2, without": {auth: 2, refused: []*tls.Certificate{stranger, serverOnly}, asked: true, want: "peer '' chain None"},
		"2, with":    {auth: 2, good: alice, asked: true, want: "peer 'CN=alice' chain -----BEGIN CERTIFICATE-----"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+"/"+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				p := python(t, policy, authServer, server.ChainFile(t), server.KeyFile(t),
					authority.File(t), test.auth)
				port := p.Port()
				asked := false
				client := func(c *tls.Certificate) *peer.Network {
					return &peer.Network{Client: &tls.Config{RootCAs: authority.Pool(), ServerName: "a.example",
						MaxVersion: version,
						GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
							asked = true
							if c == nil {
								return &tls.Certificate{}, nil
							}
							return c, nil
						}}}
				}
				for i, bad := range test.refused {
					// With TLS 1.3 a client learns of its refusal after its handshake.
					c, err := client(bad).TryDial(t, port)
					if err == nil {
						_, err = c.Drain()
					}
					if !strings.Contains(err.Error(), "remote error: tls:") {
						t.Errorf("client %d was not refused by an alert: %v", i, err)
					}
				}
				asked = false
				client(test.good).Dial(t, port).Close()
				if asked != test.asked {
					t.Errorf("the client was asked for a certificate: %v, wanted %v", asked, test.asked)
				}
				wantLines(t, p.Finish(), "roots 0 auth 0 is "+itoa(test.auth), test.want, "exit status 0")
			})
		}
	}
}

// TestClientCertificate: a client with a chain and a key shows them to a
// server that asks.
func TestClientCertificate(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	server := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	alice := authority.Intermediate(t).Issue(t, ssatest.Leaf{Subject: "alice", Client: true})
	const program = `
s = tls()
put(s, NAME, "a.example")
if len(args) > 1:
    identify(s, *args[1:])
connect(s, args[0])
say("read", attempt(s.recv, 1))
`
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, with := range []bool{true, false} {
			t.Run(tls.VersionName(version)+"/"+map[bool]string{true: "with", false: "without"}[with],
				func(t *testing.T) {
					t.Parallel()
					l := (&peer.Network{Server: &tls.Config{Certificates: []tls.Certificate{server.TLS},
						MaxVersion: version,
						ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool()}}).Listen(t)
					args := []any{l.Port()}
					if with {
						args = append(args, alice.ChainFile(t), alice.KeyFile(t))
					}
					p := python(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), program, args...)
					if !with {
						_ = l.AcceptFailing()
						got := p.Finish()
						// With TLS 1.3 the refusal comes after the client's handshake.
						if read := lineWith(t, got, "read "); read != "read ECONNRESET" &&
							!strings.HasPrefix(lineWith(t, got, "connect "), "connect EPROTO") {
							t.Errorf("the program takes the refusal for %q", got)
						}
						return
					}
					c := l.Accept()
					chain := c.State().PeerCertificates
					if len(chain) != 2 || chain[0].Subject.CommonName != "alice" {
						t.Errorf("the server saw %d certificates", len(chain))
					}
					c.Say("x")
					wantTranscript(t, p, "connect 0", "read b'x'")
				})
		}
	}
}
