package wire

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
)

const aURI = "pkcs11:token=ssa;object=a;type=private?module-path=/lib/token.so"

var messages = []*Message{
	{Kind: Allow, Number: 1, URI: aURI},
	{Kind: Serve, Number: 2},
	{Kind: Public, Number: 3, URI: aURI},
	{Kind: Sign, Number: 1<<32 - 1, URI: aURI, Scheme: ECDSAWithSHA256, Data: make([]byte, 32)},
	{Kind: Sign, Number: 4, URI: aURI, Scheme: Ed25519, Data: make([]byte, MaxData)},
	{Kind: Hello},
	{Kind: Down, Text: "killed"},
	{Kind: OK, Number: 5, Data: []byte("signature")},
	{Kind: Error, Number: 6, Code: Denied, Text: "no"},
}

func TestRoundTrip(t *testing.T) {
	for _, m := range messages {
		got, err := Decode(m.Encode())
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%+v became %+v, %v", m, got, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	sign := func(m Message) []byte { m.Kind, m.URI = Sign, aURI; return m.Encode() }
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":            {nil, "ends early"},
		"half a header":      {[]byte{Version, byte(Hello), 0, 0, 0}, "ends early"},
		"another version":    {[]byte{2, byte(Hello), 0, 0, 0, 0}, "version 2, this side speaks version 1"},
		"unknown kind":       {[]byte{Version, 99, 0, 0, 0, 0}, "kind 99"},
		"too long":           {append([]byte{Version}, make([]byte, MaxMessage)...), "at most"},
		"a body for hello":   {[]byte{Version, byte(Hello), 0, 0, 0, 0, 1}, "too long for its kind"},
		"no URI":             {[]byte{Version, byte(Allow), 0, 0, 0, 0}, "begins with pkcs11:"},
		"another form":       {(&Message{Kind: Public, URI: "pkcs11:object=a;token=ssa?module-path=/lib/token.so"}).Encode(), "usual form"},
		"error without code": {[]byte{Version, byte(Error), 0, 0, 0, 0}, "ends early"},
		"sign without URI":   {[]byte{Version, byte(Sign), 0, 0, 0, 0, 7, 0}, "ends early"},
		"URI cut off":        {[]byte{Version, byte(Sign), 0, 0, 0, 0, 7, 0, 9, 'p'}, "ends early"},
		"short hash":         {sign(Message{Scheme: ECDSAWithSHA256, Data: make([]byte, 31)}), "a hash of 31 bytes is not one of SHA-256"},
		"unknown scheme":     {sign(Message{Scheme: 77}), "signature scheme 77 is not known"},
		"long answer":        {(&Message{Kind: OK, Data: make([]byte, MaxData+1)}).Encode(), "too long"},
		"long message":       {sign(Message{Scheme: Ed25519, Data: make([]byte, MaxData+1)}), "too long"},
	} {
		if m, err := Decode(tc.data); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %+v, error %v; want %q", name, m, err, tc.want)
		}
	}
}

func TestErrors(t *testing.T) {
	again := func(err error) error {
		m, decodeErr := Decode(Failure(7, err).Encode())
		if decodeErr != nil || m.Number != 7 {
			t.Fatalf("%+v, %v", m, decodeErr)
		}
		return m.Err()
	}
	if err := again(fmt.Errorf("read it: %w", fs.ErrPermission)); !errors.Is(err, fs.ErrPermission) ||
		err.Error() != "read it: permission denied" {
		t.Errorf("%v is not what was refused", err)
	}
	if err := again(errors.New("a\x1b[31mb\n\u0085")); errors.Is(err, fs.ErrPermission) ||
		err.Error() != "a?[31mb??" {
		t.Errorf("%q, want no control characters", err)
	}
	if err := again(errors.New(strings.Repeat("x", 2*MaxText))); len(err.Error()) != MaxText {
		t.Errorf("%d bytes of text, want %d", len(err.Error()), MaxText)
	}
	if err := (&Message{Kind: OK}).Err(); err != nil {
		t.Errorf("an answer is an error: %v", err)
	}
}

// What is decoded is encoded as it was, but for texts.
func FuzzDecode(f *testing.F) {
	for _, m := range messages {
		f.Add(m.Encode())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		again := m.Encode()
		if m.Kind != Error && m.Kind != Down && !bytes.Equal(again, data) {
			t.Fatalf("%x became %x", data, again)
		}
		if len(again) > MaxMessage {
			t.Fatalf("%d bytes", len(again))
		}
	})
}

// Schemes agree with what Go's own keys make of the same options.
func TestSchemes(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pss := func(salt int,
		h crypto.Hash) *rsa.PSSOptions {
		return &rsa.PSSOptions{SaltLength: salt, Hash: h}
	}
	for _, tc := range []struct {
		key  crypto.Signer
		opts crypto.SignerOpts
		want Scheme
	}{
		{rsaKey, crypto.SHA256, PKCS1WithSHA256},
		{rsaKey, crypto.SHA384, PKCS1WithSHA384},
		{rsaKey, crypto.SHA512, PKCS1WithSHA512},
		{rsaKey, pss(rsa.PSSSaltLengthEqualsHash, crypto.SHA256), PSSWithSHA256},
		{rsaKey, pss(48, crypto.SHA384), PSSWithSHA384},
		{rsaKey, pss(rsa.PSSSaltLengthEqualsHash, crypto.SHA512), PSSWithSHA512},
		{rsaKey, pss(20, crypto.SHA256), 0},
		{rsaKey, pss(rsa.PSSSaltLengthAuto, crypto.SHA256), 0},
		{rsaKey, crypto.SHA1, 0},
		{rsaKey, crypto.MD5SHA1, 0},
		{ecKey, crypto.SHA256, ECDSAWithSHA256},
		{ecKey, crypto.SHA384, ECDSAWithSHA384},
		{ecKey, crypto.SHA512, ECDSAWithSHA512},
		{ecKey, crypto.SHA1, 0},
		{edKey, crypto.Hash(0), Ed25519},
		{edKey, crypto.SHA512, 0},
	} {
		got, err := SchemeFor(tc.key.Public(), tc.opts)
		if got != tc.want || (err == nil) != (tc.want != 0) {
			t.Errorf("%T with %v: scheme %d, %v; want %d", tc.key, tc.opts, got, err, tc.want)
		}
		if err != nil {
			continue
		}
		data := []byte("a whole message")
		if h := got.Hash(); h != 0 {
			sum := h.New()
			sum.Write(data)
			data = sum.Sum(nil)
		}
		signature, err := tc.key.Sign(rand.Reader, data, tc.opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.check(data); err != nil {
			t.Errorf("scheme %d: %v", got, err)
		}
		if !got.Verify(tc.key.Public(), data, signature) {
			t.Errorf("scheme %d: a right signature does not verify", got)
		}
		data[0] ^= 1
		if got.Verify(tc.key.Public(), data, signature) {
			t.Errorf("scheme %d: a wrong signature verifies", got)
		}
		for other := PKCS1WithSHA256; other <= Ed25519; other++ {
			if other.ECDSA() && got.ECDSA() {
				continue // ECDSA knows no hash
			}
			data[0] ^= 1
			if other != got && other.Verify(tc.key.Public(), data, signature) {
				t.Errorf("a signature of scheme %d verifies as %d", got, other)
			}
			data[0] ^= 1
		}
	}
}
