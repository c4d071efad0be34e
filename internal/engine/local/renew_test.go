package local_test

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestRenew: a certificate that was renewed reaches listeners that are open, by
// its name in the policy; a program's own stay, and so does what a later policy
// does not have.
func TestRenew(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	issue := func(files, subject string) {
		issued := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, Subject: subject})
		write(files+".pem", issued.ChainPEM)
		write(files+".key", issued.KeyPEM)
	}
	load := func(text string) (*policy.Policy, error) {
		write("policy.yaml", []byte(text))
		return policy.Load(filepath.Join(dir, "policy.yaml"))
	}
	const text = "default: {server: {identity: www}}\nidentities: {www: {chain: w.pem, key: w.key}}\n"
	issue("w", "first")
	first, err := load(text)
	if err != nil {
		t.Fatal(err)
	}
	e := local.New(local.Config{})
	defer e.Close()
	listen := func(ids ...*identity.Identity) engine.Listener {
		l, err := e.Listen(context.Background(),
			&engine.Request{Role: engine.Server, Policy: first.Default(), Identities: ids, ID: e.NewID()})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	ours := listen()
	own := listen(makeIdentity(t,
		a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}, Subject: "own"})))
	defer ours.Close()
	defer own.Close()
	serves := func(l engine.Listener, want string) {
		t.Helper()
		tcp, theirs := tcpPair(t)
		client := tls.Client(theirs, &tls.Config{ServerName: "a.example", RootCAs: a.Pool()})
		var clientErr error
		wait := peer(t, func() { clientErr = client.Handshake() })
		conn, err := l.Handshake(wontHang(t), tcp, e.NewID())
		wait()
		if err != nil || clientErr != nil {
			t.Fatalf("%s: %v, %v", want, err, clientErr)
		}
		if got := client.ConnectionState().PeerCertificates[0].Subject.CommonName; got != want {
			t.Errorf("the listener serves %q, want %q", got, want)
		}
		served := l.(interface{ Serving() []local.Served }).Serving()
		if len(served) != 1 || served[0].Leaf.Subject.CommonName != want ||
			(served[0].Identity == "www") != (want != "own") {
			t.Errorf("it says that it serves %+v, want %q", served, want)
		}
		greet(t, conn, client)
	}
	renew := func(text string) {
		t.Helper()
		p, err := load(text)
		if err != nil {
			t.Fatal(err)
		}
		e.Renew(p)
	}
	serves(ours, "first")
	issue("w", "second")
	serves(ours, "first") // nobody has loaded it
	renew(text)
	serves(ours, "second")
	serves(own, "own")
	issue("v", "third")
	renew("default: {server: {identity: www}}\nidentities: {www: {chain: v.pem, key: v.key}}\n")
	serves(ours, "third")
	renew("default: {}\n")
	serves(ours, "third") // it is gone from the policy, and all there is
	write("w.pem", []byte("-----BEGIN CERTIFICATE-----\nhalf"))
	if _, err := load(text); err == nil {
		t.Error("a half-written certificate is loaded")
	}
}
