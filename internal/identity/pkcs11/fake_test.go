package pkcs11

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/serve"
	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// fakeEnv makes the test binary an ssa-pkcs11 whose tokens have every key.
const fakeEnv = "SSA_PKCS11_FAKE"

func TestMain(m *testing.M) {
	if os.Getenv(fakeEnv) == "" {
		os.Exit(m.Run())
	}
	if err := fake(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fake() error {
	number, err := strconv.ParseUint(os.Args[1], 10, 32)
	if err != nil {
		return err
	}
	cfg := serve.Config{Number: uint32(number), Keys: &fakeKeys{}, Ended: func() { os.Exit(0) }}
	if cfg.Owner, err = wire.NewConn(os.NewFile(OwnerFD, "owner")); err != nil {
		return err
	}
	if slices.Contains(os.Args, UserFlag) {
		if cfg.User, err = wire.NewConn(os.NewFile(UserFD, "user")); err != nil {
			return err
		}
	}
	return serve.Run(cfg)
}

// fakeKeys have a key for each URI, which is the same in every process. What
// they do with it depends on the object's name.
type fakeKeys struct {
	mu      sync.Mutex
	allowed []string
}

func (k *fakeKeys) Allow(uri string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.allowed = append(k.allowed, uri)
	return nil
}

func (k *fakeKeys) key(uri string) (ed25519.PrivateKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.allowed, uri) {
		return nil, errors.New("none of the keys that may be used")
	}
	seed := sha256.Sum256([]byte(uri))
	return ed25519.NewKeyFromSeed(seed[:]), nil
}

func (k *fakeKeys) Public(uri string) ([]byte, error) {
	key, err := k.key(uri)
	if err != nil {
		return nil, err
	}
	if strings.Contains(uri, "object=denied") {
		return nil, fmt.Errorf("open the PIN: %w", fs.ErrPermission)
	}
	if strings.Contains(uri, "object=nonsense") {
		return []byte("no key"), nil
	}
	return x509.MarshalPKIXPublicKey(key.Public())
}

func (k *fakeKeys) Sign(uri string, _ wire.Scheme, data []byte) ([]byte, error) {
	key, err := k.key(uri)
	switch {
	case err != nil:
		return nil, err
	case strings.Contains(uri, "object=wrong"):
		return make([]byte, ed25519.SignatureSize), nil
	case strings.Contains(uri, "object=silent"):
		select {}
	case string(data) == "crash":
		os.Exit(7)
	}
	return ed25519.Sign(key, data), nil
}

func keyURI(object string) string {
	return "pkcs11:token=ssa;object=" + object + ";type=private?module-path=/lib/token.so"
}

// publicOf is the public key that the fake has for a URI.
func publicOf(uri string) ed25519.PublicKey {
	seed := sha256.Sum256([]byte(uri))
	return ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
}

// patience is how long what has to happen may take.
const patience = time.Minute

// logged are messages of a helper.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// fakeHelper is a helper whose process is the fake.
func fakeHelper(t *testing.T, share bool) (*Helper, *logged) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := &logged{}
	h, err := New(Config{Program: program, Env: []string{fakeEnv + "=1"}, Share: share,
		Timeout:    patience,
		FirstPause: time.Millisecond, LongestPause: time.Millisecond,
		Log: slog.New(slog.NewTextHandler(out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("closing the helper: %v", err)
		}
	})
	return h, out
}

// user is a user of the keys of a helper.
func user(t *testing.T, h *Helper, timeout time.Duration) *Client {
	t.Helper()
	socket, err := h.UserSocket()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(socket, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
