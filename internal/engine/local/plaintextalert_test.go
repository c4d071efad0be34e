package local_test

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// objecting answers what its peer sends first with an alert in plaintext.
type objecting struct {
	net.Conn
	t testing.TB
}

func (o objecting) Read(p []byte) (int, error) {
	if _, err := o.Conn.Read(p); err != nil {
		o.t.Error(err)
	}
	if _, err := o.Conn.Write([]byte{21, 3, 3, 0, 2, 2, 48}); err != nil {
		o.t.Error(err)
	}
	return 0, io.EOF
}

// TestAlertInPlainText: a client of TLS 1.3 that does not go as far as its keys
// is told by what it says, not by what could not be decrypted.
func TestAlertInPlainText(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	e := local.New(local.Config{})
	defer e.Close()
	ours, theirs := tcpPair(t)
	client := tls.Client(objecting{theirs, t},
		&tls.Config{ServerName: "a.example", RootCAs: a.Pool(), MinVersion: tls.VersionTLS13})
	wait := peer(t, func() { _ = client.Handshake() })
	_, err := e.Handshake(wontHang(t), ours,
		&engine.Request{Role: engine.Server, Policy: policy.Builtin().Default(),
			Identities: []*identity.Identity{makeIdentity(t,
				a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))}})
	wait()
	if err == nil || !strings.Contains(err.Error(), "the client refused the handshake: alert 48 unknown_ca") {
		t.Errorf("%v", err)
	}
}
