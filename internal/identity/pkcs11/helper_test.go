package pkcs11

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// signs makes sure that a signer signs with the key of a URI.
func signs(t *testing.T, s crypto.Signer, uri string) {
	t.Helper()
	message := []byte("a message")
	signature, err := s.Sign(nil, message, crypto.Hash(0))
	if err != nil || !ed25519.Verify(publicOf(uri), message, signature) {
		t.Errorf("%s: %x, %v", uri, signature, err)
	}
}

// fails makes sure that there is an error with a text.
func fails(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestOpen(t *testing.T) {
	h, _ := fakeHelper(t, false)
	if h.PID() != 0 {
		t.Error("there is a process before a key is opened")
	}
	s, err := h.Open(keyURI("a"))
	if err != nil {
		t.Fatal(err)
	}
	signs(t, s, keyURI("a"))
	if !publicOf(keyURI("a")).Equal(s.Public()) {
		t.Errorf("the public key is %x", s.Public())
	}
	_, err = h.Open("pkcs11:object=a")
	fails(t, err, "which token?")
	_, err = h.Open(keyURI("wrong"))
	fails(t, err, "not one of the key")
	_, err = h.Open(keyURI("nonsense"))
	fails(t, err, "the token's public key")
	if _, err = h.Open(keyURI("denied")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("what may not be opened: %v", err)
	}
	_, err = s.Sign(nil, make([]byte, wire.MaxData+1), crypto.Hash(0))
	fails(t, err, "too many to be signed")
	_, err = h.UserSocket()
	fails(t, err, "no second connection")
}

// A user, who is believed nothing, uses the keys that are open and no others.
func TestUser(t *testing.T) {
	h, _ := fakeHelper(t, true)
	if _, err := h.Open(keyURI("a")); err != nil {
		t.Fatal(err)
	}
	c := user(t, h, patience)
	if err := c.waitThere(); err != nil {
		t.Fatal(err)
	}
	mine, err := c.Assume(keyURI("a"), publicOf(keyURI("a")))
	if err != nil {
		t.Fatal(err)
	}
	signs(t, mine, keyURI("a"))
	_, err = c.Open(keyURI("b"))
	fails(t, err, "none of the keys")
	_, err = c.call(wire.Message{Kind: wire.Allow, URI: keyURI("b")})
	fails(t, err, "you may not make this request")
	_, err = c.call(wire.Message{Kind: wire.Serve})
	fails(t, err, "you may not make this request")
	_, err = c.Open(keyURI("b"))
	fails(t, err, "none of the keys")
	other, err := c.Assume(keyURI("a"), publicOf(keyURI("b")))
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Sign(nil, []byte("x"), crypto.Hash(0))
	fails(t, err, "not one of the key")
}

// A process that dies is followed by one with the same keys, for its owner and
// for the user; what was asked of the dead one is an error.
func TestProcessDies(t *testing.T) {
	h, log := fakeHelper(t, true)
	s, err := h.Open(keyURI("a"))
	if err != nil {
		t.Fatal(err)
	}
	c := user(t, h, patience)
	if err := c.waitThere(); err != nil {
		t.Fatal(err)
	}
	mine, err := c.Assume(keyURI("a"), publicOf(keyURI("a")))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.Sign(nil, []byte("crash"), crypto.Hash(0)); err == nil {
			t.Fatal("a dead process has signed")
		}
		if _, err := h.Open(keyURI("b")); err != nil {
			t.Fatal(err)
		}
		signs(t, s, keyURI("a"))
		if err := c.waitThere(); err != nil {
			t.Fatal(err)
		}
		signs(t, mine, keyURI("a"))
	}
	if !strings.Contains(log.String(), "exit status 7") {
		t.Errorf("the log says %s", log)
	}
}

// Another user gets a process of its own.
func TestNextUser(t *testing.T) {
	h, log := fakeHelper(t, true)
	if _, err := h.Open(keyURI("a")); err != nil {
		t.Fatal(err)
	}
	first, before := user(t, h, patience), h.PID()
	if err := first.waitThere(); err != nil {
		t.Fatal(err)
	}
	second := user(t, h, patience)
	if err := second.waitThere(); err != nil {
		t.Fatal(err)
	}
	if now := h.PID(); now == before || now == 0 {
		t.Errorf("the process is %d, and was %d with the first user", now, before)
	}
	s, err := second.Open(keyURI("a"))
	if err != nil {
		t.Fatal(err)
	}
	signs(t, s, keyURI("a"))
	_, err = first.call(wire.Message{Kind: wire.Public, URI: keyURI("a")})
	fails(t, err, "ssa-pkcs11")
	if said := log.String(); said != "" { // nothing has gone wrong
		t.Errorf("the log says %s", said)
	}
}

func TestClose(t *testing.T) {
	h, _ := fakeHelper(t, false)
	s, err := h.Open(keyURI("a"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if pid := h.PID(); pid != 0 {
		t.Errorf("there is still the process %d", pid)
	}
	if _, err = s.Sign(nil, []byte("x"), crypto.Hash(0)); err == nil {
		t.Error("it signs after it was closed")
	}
	_, err = h.Open(keyURI("a"))
	fails(t, err, "closed")
}

func TestNoProgram(t *testing.T) {
	h, err := New(Config{Program: "/no/such/ssa-pkcs11"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it is tried again
		_, err = h.Open(keyURI("a"))
		fails(t, err, "start the process for keys on tokens: fork/exec /no/such/ssa-pkcs11")
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Start(Config{}); err == nil {
		t.Error("ssa-pkcs11 is found beside a test")
	} else {
		fails(t, err, "keys on tokens need the program ssa-pkcs11, which is neither")
	}
}

// The keys of all policies since the start are bounded.
func TestTooManyKeys(t *testing.T) {
	h, _ := fakeHelper(t, false)
	if _, err := h.Open(keyURI("a")); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	for i := len(h.allowed); i < maxKeys; i++ {
		h.allowed = append(h.allowed, keyURI(fmt.Sprint(i)))
	}
	h.mu.Unlock()
	_, err := h.Open(keyURI("b"))
	fails(t, err, "more than 4096 keys")
	if _, err := h.Open(keyURI("a")); err != nil {
		t.Errorf("a key that was opened before: %v", err)
	}
}

// A token that does not answer holds up nobody but who waits for it.
func TestSilentToken(t *testing.T) {
	h, _ := fakeHelper(t, true)
	// The owner would wait for as long as it has patience; the key is allowed first.
	if _, err := h.Open(keyURI("a")); err != nil {
		t.Fatal(err)
	}
	if err := h.allow(keyURI("silent")); err != nil {
		t.Fatal(err)
	}
	c := user(t, h, time.Millisecond)
	s, err := c.Assume(keyURI("silent"), publicOf(keyURI("silent")))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		if _, err = s.Sign(nil, []byte("x"), crypto.Hash(0)); strings.Contains(err.Error(),
			"the token did not answer") || time.Now().After(deadline) {
			break // it was being started before
		}
	}
	fails(t, err, "the token did not answer within 1ms")
	if _, err := h.Open(keyURI("b")); err != nil {
		t.Errorf("another key: %v", err)
	}
}
