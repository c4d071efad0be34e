//go:build linux

package contract

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

const (
	aes128, aes256, chacha = "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256"

	ecdsa128    = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
	ecdsa256    = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
	ecdsaChaCha = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
)

// settingClient connects with the settings given.
const settingClient = `
s = tls()
put(s, NAME, "a.example")
settings(s, args[1:])
connect(s, args[0])
s.close()
`

// hello is what a ClientHello said.
type hello struct {
	suites, versions []string
}

// helloOf lets a program connect and returns its ClientHello.
func helloOf(t *testing.T, settings ...any) (hello, []string) {
	t.Helper()
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	var said hello
	l := (&peer.Network{Server: &tls.Config{
		Certificates: []tls.Certificate{leaf.TLS},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			for _, id := range h.CipherSuites {
				said.suites = append(said.suites, tls.CipherSuiteName(id))
			}
			for _, v := range h.SupportedVersions {
				said.versions = append(said.versions, tls.VersionName(v))
			}
			return nil, nil
		},
	}}).Listen(t)
	p := python(t, ssatest.PolicyWithRoots(t, "", authority.File(t)), settingClient,
		append([]any{l.Port()}, settings...)...)
	l.Accept().ExpectEnd().Close()
	return said, p.Finish()
}

// TestClientHello: settings about suites and versions are what goes over the
// wire, not only what is chosen in the end.
func TestClientHello(t *testing.T) {
	usual, printed := helloOf(t)
	wantLines(t, printed, "connect 0")
	for _, suite := range []string{aes128, aes256, chacha, ecdsa128, ecdsa256, ecdsaChaCha} {
		if !slices.Contains(usual.suites, suite) {
			t.Fatalf("without settings %s is not offered, only %v", suite, usual.suites)
		}
	}
	both, old, new := []string{"TLS 1.3", "TLS 1.2"}, []string{"TLS 1.2"}, []string{"TLS 1.3"}
	without := func(gone ...string) []string {
		return slices.DeleteFunc(slices.Clone(usual.suites),
			func(s string) bool { return slices.Contains(gone, s) })
	}
	of := func(version uint16) []string {
		return slices.DeleteFunc(slices.Clone(usual.suites),
			func(s string) bool { return (len(s) < 30) != (version == tls.VersionTLS13) })
	}
	for name, test := range map[string]struct {
		settings []any
		suites   []string
		versions []string
	}{
		"nothing":                   {nil, usual.suites, both},
		"TLS_DISABLE_CIPHER":        {[]any{"92=" + ecdsa128}, without(ecdsa128), both},
		"disable by OpenSSL's name": {[]any{"92=ECDHE-ECDSA-AES128-GCM-SHA256"}, without(ecdsa128), both},
		"disable, of TLS 1.3":       {[]any{"92=" + aes128}, without(aes128), both},
		"disable, repeated":         {[]any{"92=" + aes128, "92=" + ecdsa256, "92=" + chacha}, without(aes128, ecdsa256, chacha), both},
		"TLS_ENABLE_CIPHER":         {[]any{"92=" + aes128, "92=" + ecdsa256, "110=" + aes128}, without(ecdsa256), both},
		"TLS_TRUSTED_CIPHERS":       {[]any{"97=" + chacha + ":" + ecdsaChaCha}, []string{chacha, ecdsaChaCha}, both},
		"trusted, of TLS 1.3 alone": {[]any{"97=" + aes256}, []string{aes256}, new},
		"trusted, of TLS 1.2 alone": {[]any{"97=" + ecdsa256}, []string{ecdsa256}, old},
		"trusted, then disabled":    {[]any{"97=" + chacha + ":" + aes256, "92=" + chacha}, []string{aes256}, new},
		"TLS_VERSION_MIN":           {[]any{"111=#0x0304"}, of(tls.VersionTLS13), new},
		"TLS_VERSION_MAX":           {[]any{"112=#0x0303"}, of(tls.VersionTLS12), old},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, printed := helloOf(t, test.settings...)
			for _, line := range printed {
				if !strings.HasSuffix(line, " 0") {
					t.Errorf("the program printed %q", line)
				}
			}
			for _, list := range []struct{ got, want []string }{{got.suites, test.suites},
				{got.versions, test.versions}} {
				slices.Sort(list.got)
				if want := slices.Sorted(slices.Values(list.want)); !slices.Equal(list.got, want) {
					t.Errorf("the ClientHello has %v, wanted %v", list.got, want)
				}
			}
		})
	}
}

// settingServer serves one client with the settings given.
const settingServer = `
s = tls()
identify(s, *args[:2])
settings(s, args[2:])
listen(s)
c = s.accept()[0]
say(text(c, CHOSEN), hex(number(c, VERSION)))
c.close()
`

// TestServerChoice: the same settings bound what a server agrees to.
func TestServerChoice(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	for name, test := range map[string]struct {
		settings []any
		max      uint16 // of the client
		want     string
	}{
		"TLS_DISABLE_CIPHER":          {[]any{"92=" + aes128, "92=" + aes256}, tls.VersionTLS13, chacha},
		"TLS_TRUSTED_CIPHERS":         {[]any{"97=" + aes256}, tls.VersionTLS13, aes256},
		"TLS_ENABLE_CIPHER":           {[]any{"92=" + aes128, "92=" + aes256, "92=" + chacha, "110=" + chacha}, tls.VersionTLS13, chacha},
		"TLS_VERSION_MAX":             {[]any{"112=#0x0303", "97=" + ecdsa256}, tls.VersionTLS13, ecdsa256},
		"TLS_DISABLE_CIPHER, TLS 1.2": {[]any{"92=" + ecdsa128, "92=" + ecdsa256}, tls.VersionTLS12, ecdsaChaCha},
		"TLS_VERSION_MIN":             {[]any{"111=#0x0304"}, tls.VersionTLS12, ""},
		"nothing in common":           {[]any{"97=" + aes256}, tls.VersionTLS12, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := python(t, "", settingServer, append([]any{leaf.ChainFile(t), leaf.KeyFile(t)},
				test.settings...)...)
			port := p.Port()
			client := tls.Config{RootCAs: authority.Pool(), ServerName: "a.example"}
			network := &peer.Network{Client: client.Clone()}
			network.Client.MaxVersion = test.max
			if test.want == "" {
				if c, err := network.TryDial(t, port); err == nil {
					c.Close()
					t.Errorf("the server agreed to %s", tls.CipherSuiteName(c.State().CipherSuite))
				} else if !strings.Contains(err.Error(), "remote error: tls:") {
					t.Errorf("the client was not told by an alert: %v", err)
				}
				return // the program still waits and is killed
			}
			c := network.Dial(t, port)
			if got := tls.CipherSuiteName(c.State().CipherSuite); got != test.want {
				t.Errorf("the client got %s, wanted %s", got, test.want)
			}
			version := c.State().Version
			c.ExpectEnd().Close()
			wantLines(t, p.Finish(), fmt.Sprintf("%s 0x%x", test.want, version))
		})
	}
}
