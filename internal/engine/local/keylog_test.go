package local_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func sortedLines(b *bytes.Buffer) []string { return slices.Sorted(strings.Lines(b.String())) }

// The other end knows the same secrets: crypto/tls logs them there.
func TestKeyLog(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	issued := a.Intermediate(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, role := range []engine.Role{engine.Client, engine.Server} {
			for _, on := range []bool{true, false} {
				var ours, theirs bytes.Buffer
				asked := ""
				e := local.New(local.Config{KeyLog: func(profile string) io.Writer {
					asked = profile
					if !on {
						return nil
					}
					return &ours
				}})
				keyLogHandshake(t, e, role, a, issued, version, &theirs)
				want := sortedLines(&theirs)
				if !on {
					want = nil
				}
				if got := sortedLines(&ours); !slices.Equal(got, want) || theirs.Len() == 0 ||
					asked != "default" {
					t.Errorf("%s, role %d, on %v, profile %q: logged\n%s\nthe peer has\n%s", tls.VersionName(version), role, on, asked, got, theirs.String())
				}
			}
		}
	}
}

func keyLogHandshake(t *testing.T, e *local.Engine, role engine.Role, a *ssatest.Authority,
	issued *ssatest.Issued, version uint16, theirs io.Writer) {
	t.Helper()
	defer e.Close()
	pol := effective(a)
	pol.MaxVersion = version
	if role == engine.Server {
		req := &engine.Request{Role: role, Policy: pol,
			Identities: []*identity.Identity{makeIdentity(t, issued)}}
		conn, err, client, clientErr := accept(t, e, req,
			&tls.Config{ServerName: "a.example", RootCAs: a.Pool(), KeyLogWriter: theirs})
		if err != nil || clientErr != nil {
			t.Fatalf("server: %v, client: %v", err, clientErr)
		}
		greet(t, conn, client)
		return
	}
	tcp, remote := tcpPair(t)
	wait := peer(t, func() {
		conn := tls.Server(remote, &tls.Config{Certificates: []tls.Certificate{issued.TLS},
			MaxVersion: version, KeyLogWriter: theirs})
		_ = conn.Handshake()
		conn.Close()
	})
	conn, err := e.Handshake(context.Background(), tcp,
		&engine.Request{Name: "a.example", Port: 443, Policy: pol})
	wait()
	if err != nil {
		t.Fatal(err)
	}
	conn.Abort()
}
