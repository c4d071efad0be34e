package main

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"syscall"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11"
	"github.com/secure-socket-api/ssa/internal/service/monitor"
)

// tokensName names the descriptor by which a worker asks for signatures.
const tokensName = "tokens"

// tokens opens keys on tokens by a process that is started for the first one.
type tokens struct {
	log   *slog.Logger
	share bool                // workers may use the keys that are opened here
	as    *syscall.Credential // who uses the tokens; nil is who this process runs as

	once   sync.Once
	helper *pkcs11.Helper
	failed error // why there is none
}

func (t *tokens) get() (*pkcs11.Helper, error) {
	t.once.Do(func() {
		t.helper, t.failed = pkcs11.New(pkcs11.Config{Share: t.share, Credential: t.as,
			Log: t.log})
	})
	return t.helper, t.failed
}

// open is a policy.KeyOpener.
func (t *tokens) open(uri string, _ crypto.PublicKey) (crypto.Signer, error) {
	helper, err := t.get()
	if err != nil {
		return nil, err
	}
	return helper.Open(uri)
}

func (t *tokens) close() error {
	t.once.Do(func() { t.failed = errors.New("keys on tokens are no longer used") })
	if t.helper == nil {
		return nil
	}
	return t.helper.Close()
}

// named says how workers get to the keys.
func (t *tokens) named() []monitor.Named {
	return []monitor.Named{{Name: tokensName, Lasting: true, Open: func() (*os.File, error) {
		helper, err := t.get()
		if err != nil {
			return nil, err
		}
		return helper.UserSocket()
	}}}
}

// untried is a policy.KeyOpener that opens none.
func untried(string, crypto.PublicKey) (crypto.Signer, error) {
	return nil, fmt.Errorf("the key was not tried (%w): `ssa check --tokens` tries it, with the module that the policy names", fs.ErrPermission)
}

// sharedTokens are the keys on tokens that a worker has of its monitor.
type sharedTokens struct {
	mu     sync.Mutex
	client *pkcs11.Client
}

// take takes the descriptor that the monitor hands over, before any policy, and
// reports whether it was for this.
func (s *sharedTokens) take(name string, file *os.File) bool {
	if name != tokensName {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return false
	}
	client, err := pkcs11.NewClient(file, 0)
	if err == nil {
		s.client = client
	}
	return err == nil
}

// open is a policy.KeyOpener. The monitor has opened the key when it loaded the
// same policy: one that is out of reach by now is no reason to do without all
// others.
func (s *sharedTokens) open(uri string, certified crypto.PublicKey) (crypto.Signer, error) {
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	if client == nil {
		return nil, errors.New("the service's monitor has not handed over the way to tokens")
	}
	return client.Assume(uri, certified)
}

func (s *sharedTokens) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		_ = s.client.Close() // the process ends
	}
}
