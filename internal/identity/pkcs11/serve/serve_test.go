package serve

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

func keyURI(object string) string {
	return "pkcs11:token=ssa;object=" + object + ";type=private?module-path=/lib/token.so"
}

// keys are Keys of a test: the signature is what is signed.
type keys struct {
	hold chan struct{} // what Sign of a key "held" waits for

	mu      sync.Mutex
	allowed []string
	held    chan struct{} // told of each Sign that waits
}

func newKeys() *keys {
	return &keys{hold: make(chan struct{}), held: make(chan struct{}, 2*maxAtOnce)}
}

func (k *keys) Allow(uri string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if strings.Contains(uri, "object=bad") {
		return errors.New("a bad key")
	}
	k.allowed = append(k.allowed, uri)
	return nil
}

func (k *keys) may(uri string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.allowed, uri) {
		return errors.New("none of the keys")
	}
	return nil
}

func (k *keys) Public(uri string) ([]byte, error) {
	if strings.Contains(uri, "object=long") {
		return make([]byte, wire.MaxData+1), k.may(uri)
	}
	return []byte("public"), k.may(uri)
}

func (k *keys) Sign(uri string, _ wire.Scheme, data []byte) ([]byte, error) {
	if strings.Contains(uri, "object=held") {
		k.held <- struct{}{}
		<-k.hold
	}
	return data, k.may(uri)
}

// peer is one who asks: raw, since what asks may be anything.
type peer struct {
	t  *testing.T
	fd int
}

func newPeer(t *testing.T) (*peer, *wire.Conn) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := wire.NewConn(os.NewFile(uintptr(ends[1]), "peer"))
	if err != nil {
		t.Fatal(err)
	}
	return &peer{t, ends[0]}, conn
}

func (p *peer) send(data []byte) {
	p.t.Helper()
	if _, err := unix.SendmsgN(p.fd, data, nil, nil, unix.MSG_NOSIGNAL); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) receive() *wire.Message {
	p.t.Helper()
	buffer := make([]byte, wire.MaxMessage)
	n, err := unix.Read(p.fd, buffer)
	if err != nil || n == 0 {
		p.t.Fatalf("no answer: %v", err)
	}
	m, err := wire.Decode(buffer[:n])
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// ask makes a request and returns the answer to it in words.
func (p *peer) ask(m wire.Message) string {
	p.t.Helper()
	p.send(m.Encode())
	answer := p.receive()
	switch {
	case answer.Number != m.Number:
		p.t.Fatalf("%+v is no answer to %+v", answer, m)
	case answer.Err() != nil:
		return answer.Err().Error()
	}
	return "ok " + string(answer.Data)
}

// rig is a running server.
type rig struct {
	owner, user *peer
	keys        *keys
	ended       chan struct{} // Ended was called
	over        chan error    // Run has returned
}

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{keys: newKeys(), ended: make(chan struct{}), over: make(chan error, 1)}
	cfg := Config{Number: 42, Keys: r.keys, Ended: func() { close(r.ended) }}
	r.owner, cfg.Owner = newPeer(t)
	r.user, cfg.User = newPeer(t)
	go func() { r.over <- Run(cfg) }()
	t.Cleanup(func() {
		unix.Close(r.owner.fd)
		unix.Close(r.user.fd)
		<-r.ended
		if err := <-r.over; err == nil {
			t.Error("nothing tells that the owner has gone")
		}
		_ = cfg.Owner.Close()
	})
	if m := r.owner.receive(); m.Kind != wire.Hello || m.Number != 42 {
		t.Fatalf("the first message to the owner is %+v", m)
	}
	return r
}

// serveUser lets the user in.
func (r *rig) serveUser(t *testing.T) {
	t.Helper()
	if got := r.owner.ask(wire.Message{Kind: wire.Serve, Number: 1}); got != "ok " {
		t.Fatal(got)
	}
	if m := r.user.receive(); m.Kind != wire.Hello || m.Number != 42 {
		t.Fatalf("the first message to the user is %+v", m)
	}
}

func TestRights(t *testing.T) {
	r := start(t)
	a, b := keyURI("a"), keyURI("b")
	// too early: nobody looks at it
	r.user.send((&wire.Message{Kind: wire.Public, Number: 9, URI: a}).Encode())
	for _, tc := range []struct {
		by   *peer
		m    wire.Message
		want string
	}{
		{r.owner, wire.Message{Kind: wire.Public, URI: a}, "none of the keys"},
		{r.owner, wire.Message{Kind: wire.Allow, URI: a}, "ok "},
		{r.owner, wire.Message{Kind: wire.Allow, URI: keyURI("bad")}, "a bad key"},
		{r.owner, wire.Message{Kind: wire.Public, URI: a}, "ok public"},
		{r.owner, wire.Message{Kind: wire.Hello}, "you may not make this request"},
		{r.owner, wire.Message{Kind: wire.Allow, URI: keyURI("long")}, "ok "},
		{r.owner, wire.Message{Kind: wire.Public, URI: keyURI("long")}, "the token's answer is too long"},
		{r.owner, wire.Message{Kind: wire.Serve}, "ok "},
		{r.owner, wire.Message{Kind: wire.Serve}, "ok "}, // nobody is served twice
		{r.user, wire.Message{}, ""},
		{r.user, wire.Message{Kind: wire.Allow, URI: b}, "you may not make this request"},
		{r.user, wire.Message{Kind: wire.Serve}, "you may not make this request"},
		{r.user, wire.Message{Kind: wire.OK}, "you may not make this request"},
		{r.user, wire.Message{Kind: wire.Public, URI: b}, "none of the keys"},
		{r.user, wire.Message{Kind: wire.Sign, URI: a, Scheme: wire.Ed25519, Data: []byte("x")}, "ok x"},
	} {
		if tc.m.Kind == 0 { // what was asked too early is answered now
			first, second := tc.by.receive(), tc.by.receive()
			if first.Kind != wire.Hello || second.Number != 9 || string(second.Data) != "public" {
				t.Errorf("the user got %+v, then %+v", first, second)
			}
			continue
		}
		tc.m.Number = 7
		if got := tc.by.ask(tc.m); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.m, got, tc.want)
		}
	}
}

// What is not understood is refused, and what comes after it is answered.
func TestNonsense(t *testing.T) {
	r := start(t)
	r.serveUser(t)
	for _, p := range []*peer{r.owner, r.user} {
		for _, data := range [][]byte{{0}, bytes.Repeat([]byte{wire.Version}, wire.MaxMessage+1),
			{wire.Version, 99, 0, 0, 0, 3}} {
			p.send(data)
			if m := p.receive(); m.Err() == nil || !strings.Contains(m.Text, "malformed message") {
				t.Errorf("%.10x is answered with %+v", data, m)
			}
		}
		if got := p.ask(wire.Message{Kind: wire.Public, Number: 7,
			URI: keyURI("a")}); got != "none of the keys" {
			t.Error(got)
		}
	}
}

// A user who asks for more than the token can do waits; the owner does not.
func TestFlood(t *testing.T) {
	r := start(t)
	if got := r.owner.ask(wire.Message{Kind: wire.Allow, Number: 1,
		URI: keyURI("held")}); got != "ok " {
		t.Fatal(got)
	}
	r.serveUser(t)
	// More would wait in the socket, and this test for room in it.
	const most = maxAtOnce + 4
	for n := range uint32(most) {
		r.user.send((&wire.Message{Kind: wire.Sign, Number: n, URI: keyURI("held"),
			Scheme: wire.Ed25519}).Encode())
	}
	for range maxAtOnce {
		<-r.keys.held
	}
	if got := r.owner.ask(wire.Message{Kind: wire.Public, Number: 2,
		URI: keyURI("held")}); got != "ok public" {
		t.Errorf("the owner gets %q", got)
	}
	select {
	case <-r.keys.held:
		t.Errorf("more than %d requests of the user are in hand", maxAtOnce)
	default:
	}
	close(r.keys.hold)
	answered := map[uint32]bool{}
	for range most {
		answered[r.user.receive().Number] = true
	}
	if len(answered) != most {
		t.Errorf("%d of %d requests were answered", len(answered), most)
	}
}

// TestOwnerGoes: the user is not served without the owner, and what is in hand
// keeps Run, but not Ended, waiting.
func TestOwnerGoes(t *testing.T) {
	r := start(t)
	r.serveUser(t)
	r.user.send((&wire.Message{Kind: wire.Sign, URI: keyURI("held"), Scheme: wire.Ed25519}).Encode())
	<-r.keys.held
	if err := unix.Shutdown(r.owner.fd, unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	if n, err := unix.Read(r.user.fd, make([]byte, 10)); n != 0 || err != nil {
		t.Errorf("the user reads %d bytes, %v; want the end", n, err)
	}
	select {
	case err := <-r.over:
		t.Errorf("Run has returned with something in hand: %v", err)
	default:
	}
	close(r.keys.hold)
	err := <-r.over
	if !errors.Is(err, io.EOF) {
		t.Errorf("Run returned %v", err)
	}
	r.over <- err
}
