package identity_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// split returns the PEM blocks of a chain, each as PEM.
func split(t *testing.T, data []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for {
		b, rest := pem.Decode(data)
		if b == nil {
			return out
		}
		out, data = append(out, pem.EncodeToMemory(b)), rest
	}
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	switch {
	case part == "" && err != nil:
		t.Errorf("error %q, want none", err)
	case part != "" && err == nil:
		t.Errorf("no error, want one with %q", part)
	case part != "" && !strings.Contains(err.Error(), part):
		t.Errorf("error %q, want one with %q", err, part)
	}
}

func TestParseChain(t *testing.T) {
	root := ssatest.NewAuthority(t)
	middle := root.Intermediate(t).IntermediateWith(t, ssatest.AuthorityOptions{Name: "Second"})
	issued := middle.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	parts := split(t, issued.ChainPEM)
	other := ssatest.NewAuthority(t).Issue(t, ssatest.Leaf{Names: []string{"b.example"}})

	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"leaf and intermediates", issued.ChainPEM, ""},
		{"leaf alone", parts[0], ""},
		{"with the root", join(issued.ChainPEM, root.PEM()), ""},
		{"key in the same file", join(issued.KeyPEM, issued.ChainPEM), ""},
		{"text around it", join([]byte("subject=x\n"), issued.ChainPEM, []byte("\nend")), ""},
		{"reversed", join(parts[2], parts[1], parts[0]), "the leaf must come first"},
		{"authorities out of order", join(parts[0], parts[2], parts[1]), ""},
		{"doubled", join(parts[0], parts[0], parts[1], parts[1], parts[2]), ""},
		{"foreign certificate", join(parts[0], other.ChainPEM, parts[1], parts[2]), ""},
		{"byte order marks", join([]byte("\ufeff"), parts[0], []byte("\ufeff"), parts[1], parts[2]), ""},
		{"CRLF", bytes.ReplaceAll(issued.ChainPEM, []byte("\n"), []byte("\r\n")), ""},
		{"cut off", join(parts[0], parts[1][:len(parts[1])/2]), "PEM block 2 is damaged: it has no end"},
		{"cut off and gone on", join(parts[0], parts[1][:len(parts[1])/2], parts[2]), "PEM block 2 is damaged: it has no end"},
		{"cut off at once", issued.ChainPEM[:100], "PEM block 1 is damaged: it has no end"},
		{"no base64", join(parts[0], bytes.Replace(parts[1], []byte("MII"), []byte("M*I"), 1)), "PEM block 2 is damaged: what is in it is not base64"},
		{"no line end", join(parts[0], bytes.TrimSpace(parts[1]), parts[2]), "PEM block 2 is damaged: a line end is missing"},
		{"empty", nil, "there is nothing in it"},
		{"white space", []byte(" \n"), "there is nothing in it"},
		{"not PEM", []byte("cert.pem"), "this is not PEM"},
		{"DER", issued.Leaf().Raw, "looks like DER"},
		{"a key", issued.KeyPEM, "only PEM blocks of type PRIVATE KEY"},
		{"a hostile type", block("\x1b[31mRED", nil), "?[31mRED"},
		{"malformed certificate", block("CERTIFICATE", []byte{0x30, 0}), "certificate 1 of 1 is malformed"},
		{"too long", bytes.Repeat([]byte{'\n'}, 1<<20+1), "too many (at most 1048576)"},
		{"too many", bytes.Repeat(parts[0], 33), "too many for a chain"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			chain, err := identity.ParseChain(tc.data)
			wantError(t, err, tc.want)
			if err == nil && tc.name != "leaf alone" && tc.name != "with the root" &&
				!bytes.Equal(chain.PEM(), issued.ChainPEM) {
				t.Error("the chain is another one")
			}
			if err == nil && !chain.Leaf().Equal(issued.Leaf()) {
				t.Errorf("the leaf is %v, want %v", chain.Leaf().Subject, issued.Leaf().Subject)
			}
			if err != nil && chain.Leaf() != nil {
				t.Error("an error came with a chain")
			}
		})
	}
}

func TestParseRoots(t *testing.T) {
	a, b := ssatest.NewAuthority(t), ssatest.NewAuthority(t)
	bad := block("CERTIFICATE", []byte("x"))
	for _, tc := range []struct {
		name string
		data []byte
		n    int
		want string
	}{
		{"two", join(a.PEM(), b.PEM()), 2, ""},
		{"one malformed", join(bad, b.PEM()), 1, ""},
		{"byte order mark", join([]byte("\ufeff"), a.PEM(), b.PEM()), 2, ""},
		{"cut off", join(a.PEM(), b.PEM()[:99]), 0, "PEM block 2 is damaged"},
		{"all malformed", join(bad, bad), 0, "none of the 2 certificates can be parsed"},
		{"none", []byte("-----BEGIN X-----\n-----END X-----\n"), 0, "only PEM blocks of type X"},
		{"too many", bytes.Repeat(block("CERTIFICATE", nil), 1025), 0, "more than 1024"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			roots, err := identity.ParseRoots(tc.data)
			wantError(t, err, tc.want)
			if len(roots) != tc.n {
				t.Errorf("%d roots, want %d", len(roots), tc.n)
			}
		})
	}
}

// TestFolders: the order of the files makes no difference, nor does how they
// are written.
func TestFolders(t *testing.T) {
	root := ssatest.NewAuthority(t)
	middle := root.Intermediate(t).IntermediateWith(t, ssatest.AuthorityOptions{Name: "Second"})
	issued := middle.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	parts := split(t, issued.ChainPEM)
	der := func(part []byte) []byte { b, _ := pem.Decode(part); return b.Bytes }
	alone := ssatest.NewAuthority(t)
	second := middle.Issue(t, ssatest.Leaf{Names: []string{"b.example"}})
	for _, tc := range []struct {
		name  string
		files [][]byte
		want  string
	}{
		{"in order", [][]byte{parts[0], parts[1], parts[2]}, ""},
		{"against it", [][]byte{parts[2], issued.KeyPEM, parts[1], []byte("read me"), parts[0]}, ""},
		{"DER", [][]byte{der(parts[1]), der(parts[0]), parts[2], parts[0]}, ""},
		{"an authority without others", [][]byte{alone.PEM(), parts[1], parts[0], parts[2]}, ""},
		{"two leaves", [][]byte{parts[0], parts[1], split(t, second.ChainPEM)[0]}, "2 certificates that could be the leaf ("},
		{"one half-written", [][]byte{parts[0], parts[1][:99]}, "PEM block 1 is damaged"},
		{"nothing", [][]byte{nil, issued.KeyPEM}, "no certificate"},
	} {
		for range 3 {
			chain, err := identity.ChainOf(tc.files)
			wantError(t, err, tc.want)
			if err == nil && !bytes.Equal(chain.PEM(), issued.ChainPEM) {
				t.Errorf("%s: the chain is another one", tc.name)
			}
			slices.Reverse(tc.files)
			if tc.name == "an authority without others" {
				tc.files[0], tc.files[1] = tc.files[1], tc.files[0]
			}
		}
	}
	roots, err := identity.RootsOf([][]byte{parts[1][:99], []byte("\ufeff" + string(root.PEM())),
		der(parts[1]), []byte("read me")})
	if err != nil || len(roots) != 2 {
		t.Errorf("%d roots, %v", len(roots), err)
	}
}

func TestParseKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return block("PRIVATE KEY", der)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaKey)
	legacy := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: pkcs1,
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}})
	ed := ssatest.SelfSigned(t, ssatest.Leaf{Ed25519: true})

	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"PKCS #8 ECDSA", pkcs8(ec), ""},
		{"PKCS #8 RSA", pkcs8(rsaKey), ""},
		{"PKCS #8 Ed25519", ed.KeyPEM, ""},
		{"PKCS #1", block("RSA PRIVATE KEY", pkcs1), ""},
		{"SEC 1", block("EC PRIVATE KEY", sec1), ""},
		{"SEC 1 after its parameters", join(block("EC PARAMETERS", []byte{6, 0}), block("EC PRIVATE KEY", sec1)), ""},
		{"after its certificate", join(ed.ChainPEM, ed.KeyPEM), ""},
		{"encrypted PKCS #8", block("ENCRYPTED PRIVATE KEY", []byte{0x30}), "is encrypted"},
		{"encrypted PKCS #1", legacy, "is encrypted"},
		{"malformed", block("PRIVATE KEY", []byte("x")), "is malformed"},
		{"X25519", pkcs8(x25519), "cannot sign"},
		{"an RSA-PSS key", block("PRIVATE KEY", []byte{0x30, 18, 2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 0xa, 5, 0}), "RSA-PSS keys (id-RSASSA-PSS) are not supported"},
		{"a certificate", ed.ChainPEM, "no private key found, only PEM blocks of type CERTIFICATE"},
		{"a public key", block("PUBLIC KEY", nil), "only PEM blocks of type PUBLIC KEY"},
		{"huge", block("RSA PRIVATE KEY", make([]byte, 5<<10+1)), "too long"},
		{"nothing", nil, "there is nothing in it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			key, err := identity.ParseKey(tc.data)
			wantError(t, err, tc.want)
			if (key == nil) != (err != nil) {
				t.Errorf("key %v with error %v", key != nil, err)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	root := ssatest.NewAuthority(t)
	parse := func(i *ssatest.Issued) identity.Chain {
		chain, err := identity.ParseChain(i.ChainPEM)
		if err != nil {
			t.Fatal(err)
		}
		return chain
	}
	a := root.Issue(t, ssatest.Leaf{Names: []string{"a.example"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	b := root.Issue(t, ssatest.Leaf{Names: []string{"b.example"}})
	c := root.Issue(t, ssatest.Leaf{Names: []string{"c.example"}, RSA: 2048})
	keyOf := func(i *ssatest.Issued) crypto.Signer {
		k, err := identity.ParseKey(i.KeyPEM)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}

	id, err := identity.Match([]identity.Chain{parse(a), parse(b), parse(c)}, keyOf(a))
	if err != nil {
		t.Fatalf("the first of three chains: %v", err)
	}
	if got, want := id.Names(), []string{"a.example", "127.0.0.1"}; !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	again, err := identity.Match([]identity.Chain{parse(a)}, keyOf(a))
	if err != nil {
		t.Fatal(err)
	}
	if id.Fingerprint() != again.Fingerprint() {
		t.Error("the same chain has two fingerprints")
	}
	_, err = identity.Match(nil, keyOf(a))
	wantError(t, err, "the chain must be set before its key")
	_, err = identity.Match([]identity.Chain{parse(a)}, keyOf(c))
	wantError(t, err, "the private key (RSA, 2048 bits) does not belong to the certificate of a.example, 127.0.0.1")
	_, err = identity.Match([]identity.Chain{parse(a), parse(b)}, keyOf(c))
	wantError(t, err, "belongs to none of the 2 certificates given")
	_, err = identity.Match([]identity.Chain{{}}, keyOf(c))
	wantError(t, err, "does not belong to the certificate of nobody")
}
