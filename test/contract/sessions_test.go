//go:build linux

package contract

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// aSecondOver is longer than the shortest lifetime that TLS_SESSION_TTL can
// ask for. Nothing is concluded from being fast.
const aSecondOver = 2100 * time.Millisecond

// resumingClient connects twice, with a pause of some seconds. The byte comes
// after the tickets.
const resumingClient = `
for i in range(2):
    s = tls()
    put(s, NAME, "a.example")
    settings(s, args[2:])
    if not connect(s, args[0]):
        break
    say("read", s.recv(1), "resumed", number(s, RESUMED))
    s.close()
    if i == 0:
        time.sleep(float(args[1]))
`

// TestClientSessions: a client's sessions live as long as it says.
func TestClientSessions(t *testing.T) {
	for name, test := range map[string]struct {
		settings []any
		pause    string
		resumed  bool
	}{
		"the policy's time":         {nil, "2.1", true},
		"TLS_SESSION_TTL is over":   {[]any{"91=#1"}, "2.1", false},
		"TLS_SESSION_TTL goes on":   {[]any{"91=#3000"}, "2.1", true},
		"TLS_SESSION_TTL of 0":      {[]any{"91=#0"}, "0", false},
		"TLS_SESSION_REUSE":         {[]any{"108=#1"}, "0", true},
		"TLS_SESSION_REUSE is none": {[]any{"108=#0"}, "0", false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+"/"+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				world := newPair(t, version)
				l := world.network.Listen(t)
				p := python(t, world.policy, resumingClient,
					append([]any{l.Port(), test.pause}, test.settings...)...)
				for i := range 2 {
					c := l.Accept()
					if want := test.resumed && i == 1; c.State().DidResume != want {
						t.Errorf("connection %d: the server resumed: %v, wanted %v", i, c.State().DidResume, want)
					}
					c.Say("x")
					c.ExpectEnd().Close()
				}
				var want []string
				for _, resumed := range []bool{false, test.resumed} {
					for _, s := range test.settings {
						want = append(want, strings.Split(s.(string), "=")[0]+" 0")
					}
					line := "read b'x' resumed 0"
					if resumed {
						line = "read b'x' resumed 1"
					}
					want = append(want, "connect 0", line)
				}
				wantTranscript(t, p, want...)
			})
		}
	}
}

const resumingServer = `
s = tls()
identify(s, *args[:2])
settings(s, args[2:])
listen(s)
for i in range(2):
    c = s.accept()[0]
    c.send(b"x")
    say("resumed", number(c, RESUMED))
    c.recv(1)
    c.close()
`

// TestServerSessions: and so do the sessions that a server grants.
func TestServerSessions(t *testing.T) {
	for name, test := range map[string]struct {
		settings []any
		resumed  bool
	}{
		"the policy's time":         {nil, true},
		"TLS_SESSION_TTL is over":   {[]any{"91=#1"}, false},
		"TLS_SESSION_TTL of 0":      {[]any{"91=#0"}, false},
		"TLS_SESSION_REUSE is none": {[]any{"108=#0"}, false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+"/"+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				world := newPair(t, version)
				client := world.network.Client.Clone()
				client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
				network := &peer.Network{Client: client}
				args := append([]any{strings.TrimPrefix(world.server[0], "chain="),
					strings.TrimPrefix(world.server[1], "key=")}, test.settings...)
				p := python(t, "", resumingServer, args...)
				port := p.Port()
				for i := range 2 {
					c := network.Dial(t, port)
					c.Expect("x")
					if want := test.resumed && i == 1; c.State().DidResume != want {
						t.Errorf("connection %d: resumed: %v, wanted %v", i, c.State().DidResume, want)
					}
					c.Close()
					if i == 0 {
						time.Sleep(aSecondOver)
					}
				}
				second := "resumed 0"
				if test.resumed {
					second = "resumed 1"
				}
				got := p.Finish()
				if last := got[len(got)-2]; last != second {
					t.Errorf("the program printed %q, wanted %q\n%s", last, second, p.Stderr())
				}
			})
		}
	}
}

// contexts makes sockets with the settings of others, in this process, its
// child and its parent.
const contexts = `
a = tls()
identify(a, *args[:2])
say("settings", put(a, ALPN, "one,two"), put(a, VERSION_MIN, 0x0304), put(a, NAME, "a.example"))
mine = a.getsockopt(205, ID, 8)
b = tls()
say("own", b.getsockopt(205, CONTEXT, 8) == b.getsockopt(205, ID, 8))
say("context", put(b, CONTEXT, mine), b.getsockopt(205, CONTEXT, 8) == mine)
say("taken", text(b, ALPN), hex(number(b, VERSION_MIN)), repr(text(b, NAME)))
say("listen", attempt(b.listen, 1))  # with the identity of the other
say("late", put(b, CONTEXT, mine))
c = tls()
put(c, NAME, "c.example")
say("name", put(c, CONTEXT, mine), text(c, NAME))
c = tls()
say("put", put(c, CONTEXT, mine), put(c, ALPN, "three"), text(c, ALPN), text(a, ALPN))
say("itself", put(c, CONTEXT, c.getsockopt(205, ID, 8)))
say("nobody", put(c, CONTEXT, bytes(8)), put(c, CONTEXT, b"\xff" * 8))
say("sizes", put(c, CONTEXT, mine[:4]), put(c, CONTEXT, b""), put(c, CONTEXT, mine + b"\0"))
r, w = os.pipe()
if os.fork() == 0:
    d = tls()
    say("child", put(d, CONTEXT, mine), text(d, ALPN))
    os.write(w, d.getsockopt(205, ID, 8))
    wait()
    os._exit(0)
its = os.read(r, 8)
e = tls()
say("parent", put(e, CONTEXT, its), repr(text(e, ALPN)))
a.close()
say("@done")
os.wait()
`

// TestContext: TLS_CONTEXT takes the settings of a socket of the same program,
// and of no other.
func TestContext(t *testing.T) {
	leaf := ssatest.NewAuthority(t).Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	p := python(t, "", contexts, leaf.ChainFile(t), leaf.KeyFile(t))
	p.WaitAndGoOn("done")
	wantTranscript(t, p, "settings 0 0 0", "own True", "context 0 True",
		"taken one,two 0x304 'a.example'", "listen 0", "late EINVAL", "name 0 c.example",
		"put 0 0 three one,two", "itself EINVAL", "nobody EINVAL EINVAL", "sizes EINVAL EINVAL EINVAL",
		"child 0 one,two", "parent EINVAL ''")
}

// TestContextSessions: sockets with one context resume each other's sessions.
func TestContextSessions(t *testing.T) {
	world := newPair(t)
	l := world.network.Listen(t)
	p := python(t, world.policy, `
a = tls()
put(a, NAME, "a.example")
put(a, ALPN, "one")
connect(a, args[0])
say(a.recv(1), number(a, RESUMED))
b = tls()
say(put(b, CONTEXT, a.getsockopt(205, ID, 8)), put(b, NAME, "a.example"))
connect(b, args[0])
say(b.recv(1), number(b, RESUMED))
`, l.Port())
	for range 2 {
		l.Accept().Say("x")
	}
	wantTranscript(t, p, "connect 0", "b'x' 0", "0 0", "connect 0", "b'x' 1")
}
