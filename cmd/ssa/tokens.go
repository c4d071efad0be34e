package main

import (
	"crypto"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/secure-socket-api/ssa/internal/monitor"
	"github.com/secure-socket-api/ssa/internal/pkcs11"
)

// tokensName names the descriptor by which a worker asks for signatures.
const tokensName = "tokens"

// tokens opens keys on tokens by a process that is started for the first one.
type tokens struct {
	log   *slog.Logger
	share bool // workers may use the keys that are opened here

	once    sync.Once
	helper  *pkcs11.Helper
	missing error // why there is none
}

func newTokens(log *slog.Logger, share bool) *tokens { return &tokens{log: log, share: share} }

func (t *tokens) find() (*pkcs11.Helper, error) {
	t.once.Do(func() {
		var program string
		if program, t.missing = pkcs11.FindProgram(); t.missing == nil {
			t.helper, t.missing = pkcs11.New(pkcs11.Config{Program: program, Share: t.share, Log: t.log})
		}
	})
	return t.helper, t.missing
}

// open is a policy.KeyOpener.
func (t *tokens) open(uri string) (crypto.Signer, error) {
	helper, err := t.find()
	if err != nil {
		return nil, err
	}
	return helper.Open(uri)
}

func (t *tokens) close() error {
	t.once.Do(func() {}) // and none will be
	if t.helper == nil {
		return nil
	}
	return t.helper.Close()
}

// named says how workers get to the keys.
func (t *tokens) named() []monitor.Named {
	helper, err := t.find()
	if err != nil {
		return nil // open says why
	}
	return []monitor.Named{{Name: tokensName, Lasting: true, Open: helper.UserSocket}}
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

// open is a policy.KeyOpener.
func (s *sharedTokens) open(uri string) (crypto.Signer, error) {
	s.mu.Lock()
	client := s.client
	s.mu.Unlock()
	if client == nil {
		return nil, errors.New("the service's monitor has not handed over the way to tokens")
	}
	return client.Open(uri)
}

func (s *sharedTokens) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		_ = s.client.Close() // the process ends
	}
}
