//go:build cgo

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	p11 "github.com/miekg/pkcs11"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// fakeModule is a module with one token, which has one key.
type fakeModule struct {
	key *ecdsa.PrivateKey

	mu          sync.Mutex
	initialized bool
	failInit    error // of the next Initialize
	absent      bool  // the token was taken out
	pin         string
	tries       []string // PINs
	left        int      // wrong PINs until it locks itself
	loggedIn    bool
	sessions    []p11.SessionHandle
	last        p11.SessionHandle
	found       []p11.ObjectHandle
	signing     int
	signs       func() // is called in Sign
	failSign    error  // of Sign
	stuckIn     string // the call that waits for wait
	wait        chan struct{}
	broken      func(call string) // is called for what must not be
}

const theKey = p11.ObjectHandle(5)

func newFake(t *testing.T) *fakeModule {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeModule{key: key, initialized: true, pin: "1234", left: 3, signs: func() {},
		broken: func(call string) { t.Error("not allowed by PKCS #11: " + call) }}
}

func (f *fakeModule) change(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
}

// stick waits in the call that the module is stuck in.
func (f *fakeModule) stick(call string) {
	if call == f.stuckIn {
		<-f.wait
	}
}

// takeOut and putIn are what is done with the token by hand.
func (f *fakeModule) takeOut() {
	f.change(func() { f.absent, f.loggedIn, f.sessions = true, false, nil })
}
func (f *fakeModule) putIn() { f.change(func() { f.absent = false }) }

func (f *fakeModule) Initialize(...p11.InitializeOption) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.failInit
	f.failInit = nil
	switch {
	case err != nil:
		return err
	case f.initialized:
		return p11.Error(p11.CKR_CRYPTOKI_ALREADY_INITIALIZED)
	}
	f.initialized = true
	return nil
}

func (f *fakeModule) Finalize() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signing > 0 {
		f.broken("Finalize while another call is under way")
	}
	if !f.initialized {
		return p11.Error(p11.CKR_CRYPTOKI_NOT_INITIALIZED)
	}
	f.initialized, f.loggedIn, f.sessions = false, false, nil
	return nil
}

func (f *fakeModule) GetSlotList(bool) ([]uint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.initialized:
		return nil, p11.Error(p11.CKR_CRYPTOKI_NOT_INITIALIZED)
	case f.absent:
		return nil, nil
	}
	return []uint{9}, nil
}

func (f *fakeModule) GetTokenInfo(uint) (p11.TokenInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info := p11.TokenInfo{Label: "ssa" + "                             ", SerialNumber: "1",
		Flags: p11.CKF_TOKEN_INITIALIZED}
	switch f.left {
	case 1:
		info.Flags |= p11.CKF_USER_PIN_FINAL_TRY
	case 0:
		info.Flags |= p11.CKF_USER_PIN_LOCKED
	}
	return info, nil
}

func (f *fakeModule) OpenSession(uint, uint) (p11.SessionHandle, error) {
	f.stick("OpenSession")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.absent {
		return 0, p11.Error(p11.CKR_TOKEN_NOT_PRESENT)
	}
	f.last++
	f.sessions = append(f.sessions, f.last)
	return f.last, nil
}

func (f *fakeModule) CloseSession(s p11.SessionHandle) error {
	f.stick("CloseSession")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions = slices.DeleteFunc(f.sessions, func(o p11.SessionHandle) bool { return o == s })
	return nil
}

func (f *fakeModule) CloseAllSessions(uint) error {
	f.stick("CloseAllSessions")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions, f.loggedIn = nil, false
	return nil
}

func (f *fakeModule) Login(_ p11.SessionHandle, _ uint, pin string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries = append(f.tries, pin)
	switch {
	case f.left == 0:
		return p11.Error(p11.CKR_PIN_LOCKED)
	case f.loggedIn:
		return p11.Error(p11.CKR_USER_ALREADY_LOGGED_IN)
	case pin != f.pin:
		f.left--
		return p11.Error(p11.CKR_PIN_INCORRECT)
	}
	f.loggedIn, f.left = true, 3
	return nil
}

func (f *fakeModule) session(s p11.SessionHandle) error {
	if !slices.Contains(f.sessions, s) {
		return p11.Error(p11.CKR_SESSION_HANDLE_INVALID)
	}
	return nil
}

func (f *fakeModule) FindObjectsInit(s p11.SessionHandle, template []*p11.Attribute) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found = nil
	if label := template[len(template)-1]; f.loggedIn && string(label.Value) == "www" {
		f.found = []p11.ObjectHandle{theKey}
	}
	return f.session(s)
}

func (f *fakeModule) FindObjects(p11.SessionHandle, int) ([]p11.ObjectHandle, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.found, false, nil
}

func (f *fakeModule) FindObjectsFinal(p11.SessionHandle) error { return nil }

func (f *fakeModule) GetAttributeValue(s p11.SessionHandle, _ p11.ObjectHandle,
	a []*p11.Attribute) ([]*p11.Attribute, error) {
	point, err := f.key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	wrapped, err := asn1.Marshal(point)
	if err != nil {
		return nil, err
	}
	curve, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})
	if err != nil {
		return nil, err
	}
	value := map[uint][]byte{
		p11.CKA_PRIVATE: {1}, p11.CKA_KEY_TYPE: binary.NativeEndian.AppendUint64(nil, p11.CKK_EC),
		p11.CKA_EC_PARAMS: curve, p11.CKA_EC_POINT: wrapped,
	}[a[0].Type]
	if value == nil {
		return nil, p11.Error(p11.CKR_ATTRIBUTE_TYPE_INVALID)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return []*p11.Attribute{p11.NewAttribute(a[0].Type, value)}, f.session(s)
}

func (f *fakeModule) SignInit(s p11.SessionHandle, _ []*p11.Mechanism, key p11.ObjectHandle) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if key != theKey {
		return p11.Error(p11.CKR_KEY_HANDLE_INVALID)
	}
	return f.session(s)
}

func (f *fakeModule) Sign(s p11.SessionHandle, data []byte) ([]byte, error) {
	if f.failSign != nil {
		return nil, f.failSign
	}
	f.change(func() { f.signing++ })
	f.signs()
	defer f.change(func() { f.signing-- })
	r, n, err := ecdsa.Sign(rand.Reader, f.key, data)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(r.FillBytes(make([]byte, 32)), n.FillBytes(make([]byte, 32))...), f.session(s)
}

// rig is keys of a fake module.
type rig struct {
	*keys
	fake  *fakeModule
	pin   string            // the path of the PIN
	stuck func(what string) // an error of the test, as a rule
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{fake: newFake(t), pin: filepath.Join(t.TempDir(), "pin")}
	r.stuck = func(what string) { t.Errorf("stuck in %s", what) }
	r.keys = newKeys(func(what string) { r.stuck(what) })
	r.keys.load = func(path string) (*module, error) { return &module{path: path, ctx: r.fake}, nil }
	r.writePIN(t, "1234\n")
	return r
}

func (r *rig) writePIN(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(r.pin, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// uri allows a key, again too, which forgives it an error.
func (r *rig) uri(t *testing.T, object string) string {
	t.Helper()
	uri := fmt.Sprintf("pkcs11:token=ssa;object=%s;type=private?pin-source=%s&module-path=/lib/token.so", object, r.pin)
	if err := r.Allow(uri); err != nil {
		t.Fatal(err)
	}
	return uri
}

// signs makes sure that the key signs.
func (r *rig) signs(t *testing.T, uri string) {
	t.Helper()
	hash := sha256.Sum256([]byte("a message"))
	signature, err := r.Sign(uri, wire.ECDSAWithSHA256, hash[:])
	if err != nil || !ecdsa.VerifyASN1(&r.fake.key.PublicKey, hash[:], signature) {
		t.Errorf("%x, %v", signature, err)
	}
}

// public returns the public key of a URI.
func (r *rig) public(uri string) (crypto.PublicKey, error) {
	der, err := r.Public(uri)
	if err != nil {
		return nil, err
	}
	return x509.ParsePKIXPublicKey(der)
}
