package local_test

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding"
	"hash"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestUnknownCurveBesideTheChain: a certificate that no chain needs may have a
// key that crypto/tls does not know.
func TestUnknownCurveBesideTheChain(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	stray := a.UnknownCurve(t, ssatest.Leaf{Subject: "stray"})
	large := a.LargeKey(t, 16384)
	server := a.Intermediate(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).TLS
	server.Certificate = append(slices.Clone(server.Certificate), stray, large, stray)
	anchored := effective(a)
	for _, tc := range []struct {
		name string
		cfg  *tls.Config
	}{
		{"TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}},
		{"TLS 1.3, another try", &tls.Config{MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.CurveP384}}},
		{"TLS 1.2, SHA-256", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}},
		{"TLS 1.2, SHA-384", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := local.New(local.Config{})
			defer e.Close()
			cfg := tc.cfg.Clone()
			cfg.Certificates = []tls.Certificate{server}
			ours, theirs := tcpPair(t)
			peerConn := tls.Server(theirs, cfg)
			var peerErr error
			wait := peer(t, func() { peerErr = peerConn.Handshake() })
			conn, err := e.Handshake(wontHang(t), ours,
				&engine.Request{Role: engine.Client, Name: "a.example", Policy: anchored})
			wait()
			if err != nil || peerErr != nil {
				t.Fatalf("%v, %v", err, peerErr)
			}
			if got := conn.Facts().PeerChain; !slices.EqualFunc(got, server.Certificate, slices.Equal) {
				t.Error("what the peer sent is told wrongly")
			}
			conn.Abort()
		})
	}
}

// TestUnknownCurveOfAClient: the same for what clients send in TLS 1.3; in TLS
// 1.2 crypto/tls leaves no moment for it, and the handshake ends.
func TestUnknownCurveOfAClient(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	client := a.Issue(t, ssatest.Leaf{Subject: "alice", Client: true}).TLS
	client.Certificate = append(slices.Clone(client.Certificate),
		a.UnknownCurve(t, ssatest.Leaf{Subject: "stray"}))
	ids := []*identity.Identity{makeIdentity(t,
		a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}))}
	rules := effective(a)
	rules.ClientAuth = policy.ClientAuthRequire
	for version, want := range map[uint16]string{tls.VersionTLS13: "",
		tls.VersionTLS12: "a key of a kind that is not supported"} {
		e := local.New(local.Config{})
		conn, err, _, _ := accept(t, e,
			&engine.Request{Role: engine.Server, Policy: rules, Identities: ids},
			&tls.Config{ServerName: "a.example", RootCAs: a.Pool(), Certificates: []tls.Certificate{client},
				MaxVersion: version})
		if want == "" && err != nil ||
			want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			if got := conn.Facts().PeerChain; !slices.EqualFunc(got, client.Certificate, slices.Equal) {
				t.Error("what the client sent is told wrongly")
			}
			conn.Abort()
		}
		e.Close()
	}
}

// TestUnknownCurveInTheChain: such a key vouches for nobody, and that is said.
func TestUnknownCurveInTheChain(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	middle := a.IntermediateWith(t, ssatest.AuthorityOptions{Name: "middle"})
	server := middle.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).TLS
	server.Certificate = [][]byte{server.Certificate[0],
		a.UnknownCurve(t, ssatest.Leaf{Subject: "middle"})}
	e := local.New(local.Config{})
	defer e.Close()
	ours, theirs := tcpPair(t)
	wait := peer(t,
		func() {
			_ = tls.Server(theirs,
				&tls.Config{Certificates: []tls.Certificate{server}}).Handshake()
		})
	rules := effective(a)
	_, err := e.Handshake(wontHang(t), ours,
		&engine.Request{Role: engine.Client, Name: "a.example", Policy: rules})
	wait()
	if err == nil || !strings.Contains(err.Error(), "has a key of a kind that is not supported") {
		t.Errorf("%v", err)
	}
}

// TestHashes: the hashes that the engine registers are those of the standard
// library, and change nothing that they are given.
func TestHashes(t *testing.T) {
	message := append([]byte{11, 0, 0, 12, 0, 0, 9, 0, 0, 1, 5, 0, 0, 2, 6, 7}, "and more"...)
	for number, plain := range map[crypto.Hash]func() hash.Hash{crypto.SHA256: sha256.New,
		crypto.SHA384: sha512.New384} {
		ours, theirs := number.New(), plain()
		before := slices.Clone(message)
		for _, part := range [][]byte{message[:16], message[16:]} {
			ours.Write(part)
			theirs.Write(part)
		}
		if !slices.Equal(ours.Sum(nil), theirs.Sum(nil)) || !slices.Equal(message, before) {
			t.Errorf("%v is another hash", number)
		}
		clone, err := ours.(hash.Cloner).Clone()
		if err != nil {
			t.Fatal(err)
		}
		state, err := ours.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		again := number.New()
		if err := again.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
			t.Fatal(err)
		}
		theirs.Write(message)
		for _, h := range []hash.Hash{clone, again} {
			h.Write(message)
			if !slices.Equal(h.Sum(nil), theirs.Sum(nil)) {
				t.Errorf("a copy of %v is another hash", number)
			}
		}
	}
}

// TestKeyOfUnknownKind: a peer whose own key is of a kind that is not supported
// is told so in words.
func TestKeyOfUnknownKind(t *testing.T) {
	ssatest.NoLeaks(t)
	a := ssatest.NewAuthority(t)
	server := a.Issue(t, ssatest.Leaf{Names: []string{"a.example"}}).TLS
	server.Certificate = [][]byte{a.UnknownCurve(t, ssatest.Leaf{Names: []string{"a.example"}})}
	marked := slices.Clone(server.Certificate[0])
	identity.MarkKey(marked) // of no known algorithm at all
	for _, der := range [][]byte{server.Certificate[0], marked} {
		e := local.New(local.Config{})
		ours, theirs := tcpPair(t)
		server.Certificate = [][]byte{der}
		cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &server, nil
		}}
		wait := peer(t, func() { _ = tls.Server(theirs, cfg).Handshake() })
		_, err := e.Handshake(wontHang(t), ours,
			&engine.Request{Role: engine.Client, Name: "a.example", Policy: effective(a)})
		wait()
		if err == nil || !strings.Contains(err.Error(), "the peer's certificate has a key of a kind that is not supported") {
			t.Errorf("%v", err)
		}
		e.Close()
	}
}
