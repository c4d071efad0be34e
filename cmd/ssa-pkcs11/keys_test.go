//go:build cgo

package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	p11 "github.com/miekg/pkcs11"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// fails makes sure that there is an error with a text.
func fails(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestKey(t *testing.T) {
	r := newRig(t)
	uri := r.uri(t, "www")
	public, err := r.public(uri)
	if err != nil || !r.fake.key.PublicKey.Equal(public) {
		t.Errorf("the public key is %v, %v", public, err)
	}
	for range 2 * atOnce {
		r.signs(t, uri)
	}
	if n := len(r.fake.sessions); n != 2 {
		t.Errorf("%d sessions, want one that is logged in and one that signs", n)
	}
	_, err = r.Sign(uri, wire.PSSWithSHA256, make([]byte, 32))
	fails(t, err, "of another kind")
	_, err = r.Public(r.uri(t, "nobody"))
	fails(t, err, "no such private key")
	_, err = r.Public(strings.Replace(uri, "www", "other", 1))
	fails(t, err, "not one of the keys that may be used")
	_, err = r.Sign(strings.Replace(uri, "www", "other", 1), wire.ECDSAWithSHA256, make([]byte, 32))
	fails(t, err, "not one of the keys that may be used")
	fails(t, r.Allow("pkcs11:"), "is not attribute")
}

func TestTooManyKeys(t *testing.T) {
	r := newRig(t)
	first := r.uri(t, "0")
	for i := 1; i < maxKeys; i++ {
		r.uri(t, fmt.Sprint(i))
	}
	fails(t, r.Allow(strings.Replace(first, "object=0", "object=www", 1)), "too many keys")
	if err := r.Allow(first); err != nil {
		t.Errorf("a key that is allowed: %v", err)
	}
}

// A token that is taken out and put in again is opened again.
func TestTokenComesBack(t *testing.T) {
	r := newRig(t)
	uri := r.uri(t, "www")
	r.signs(t, uri)
	r.fake.takeOut()
	_, err := r.Sign(uri, wire.ECDSAWithSHA256, make([]byte, 32))
	fails(t, err, `no token fits "ssa": the module has none`)
	r.fake.putIn()
	r.uri(t, "www") // else it is left alone for a while
	r.signs(t, uri)
}

// A PIN that was refused is not tried again, another one is.
func TestWrongPIN(t *testing.T) {
	r := newRig(t)
	r.writePIN(t, "0000\n")
	for i, want := range []string{"CKR_PIN_INCORRECT", "has refused the PIN in " + r.pin + " before"} {
		_, err := r.Public(r.uri(t, "www"))
		fails(t, err, want)
		if strings.Contains(fmt.Sprint(err), "0000") {
			t.Errorf("error %d shows the PIN: %v", i, err)
		}
	}
	r.writePIN(t, "1234\n")
	r.signs(t, r.uri(t, "www"))
	if got := fmt.Sprint(r.fake.tries); got != "[0000 1234]" {
		t.Errorf("the PINs %s were tried", got)
	}
	for text, want := range map[string]string{"": "is not one line", "\n": "is not one line",
		"a\nb\n":                 "is not one line",
		strings.Repeat("x", 257): "is not one line of at most 256 bytes"} {
		r := newRig(t)
		r.writePIN(t, text)
		_, err := r.Public(r.uri(t, "www"))
		fails(t, err, want)
	}
}

// A token that would lock itself at the next wrong PIN is left alone: a service
// that is started again and again must not be what locks it.
func TestLastTryIsLeft(t *testing.T) {
	r := newRig(t)
	for i, want := range []string{"CKR_PIN_INCORRECT", "CKR_PIN_INCORRECT",
		"locks itself at one more wrong PIN"} {
		r.writePIN(t, fmt.Sprintf("000%d\n", i))
		_, err := r.Public(r.uri(t, "www"))
		fails(t, err, want)
	}
	if len(r.fake.tries) != 2 {
		t.Errorf("the PINs %q were tried", r.fake.tries)
	}
	r.fake.left = 0
	_, err := r.Public(r.uri(t, "www"))
	fails(t, err, "is locked")
	r.fake.left = 3 // somebody knew the PIN
	r.writePIN(t, "1234\n")
	r.signs(t, r.uri(t, "www"))
}

// A module that could not be initialized again is tried again, too.
func TestInitializedLater(t *testing.T) {
	r := newRig(t)
	uri := r.uri(t, "www")
	r.signs(t, uri)
	r.fake.takeOut()
	r.fake.change(func() { r.fake.failInit = p11.Error(p11.CKR_DEVICE_ERROR) })
	_, err := r.Sign(uri, wire.ECDSAWithSHA256, make([]byte, 32))
	fails(t, err, "initialize the module /lib/token.so again: pkcs11: 0x30")
	r.fake.putIn()
	r.signs(t, r.uri(t, "www"))
}

// A module is not initialized again while it signs.
func TestNotInitializedWhileSigning(t *testing.T) {
	r := newRig(t)
	uri := r.uri(t, "www")
	r.signs(t, uri)
	m := r.modules["/lib/token.so"]
	signing, goOn := make(chan struct{}), make(chan struct{})
	r.fake.signs = func() {
		close(signing)
		<-goOn
	}
	var work sync.WaitGroup
	work.Go(func() { _, _ = r.Sign(uri, wire.ECDSAWithSHA256, make([]byte, 32)) })
	<-signing
	r.fake.takeOut()
	m.tokens[0].drop()
	opened := make(chan struct{})
	work.Go(func() {
		defer close(opened)
		_, _ = r.Public(r.uri(t, "other"))
	})
	ssatest.Await(t, "opening waits for the signature, or is over", func() bool {
		free := m.using.TryRLock()
		if free {
			m.using.RUnlock()
		}
		select {
		case <-opened:
			return true
		default:
			return !free
		}
	})
	close(goOn)
	work.Wait()
}

// A module that does not return from opening or closing a session is found out.
func TestStuck(t *testing.T) {
	for _, call := range []string{"OpenSession", "CloseSession", "CloseAllSessions"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				uri := r.uri(t, "www")
				if _, err := r.Public(uri); err != nil {
					t.Fatal(err)
				}
				goOn, stuck := make(chan struct{}), ""
				r.stuck = func(what string) {
					stuck = what
					close(goOn)
				}
				r.fake.stuckIn, r.fake.wait = call, goOn
				data := make([]byte, 32)
				if call != "OpenSession" {
					r.fake.failSign = p11.Error(p11.CKR_FUNCTION_FAILED)
				}
				if call == "CloseAllSessions" {
					r.fake.failSign = p11.Error(p11.CKR_DEVICE_ERROR)
				}
				began := time.Now()
				_, _ = r.Sign(uri, wire.ECDSAWithSHA256, data)
				if took := time.Since(began); stuck == "" || took != tooLong {
					t.Errorf("after %v stuck in %q", took, stuck)
				}
			})
		})
	}
}

// Who waits for others that open their keys is not what a module is stuck in.
func TestWaitingIsNotStuck(t *testing.T) {
	r := newRig(t)
	r.signs(t, r.uri(t, "www"))
	m, other := r.modules["/lib/token.so"], r.uri(t, "other")
	var watches atomic.Int32
	watch := func(string) func() { watches.Add(1); return func() {} }
	r.keys.watch, m.watch = watch, watch
	m.mu.Lock()
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		_, _ = r.Public(other)
	}()
	ssatest.Await(t, "a key that is being opened", func() bool {
		k := r.allowed[other]
		free := k.mu.TryLock()
		if free {
			k.mu.Unlock()
		}
		return !free
	})
	if n := watches.Load(); n != 0 {
		t.Errorf("%d watches while somebody else has the module", n)
	}
	m.mu.Unlock()
	<-opened
	if watches.Load() == 0 {
		t.Error("no watch while the module is at work")
	}
}
