//go:build cgo

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	p11 "github.com/miekg/pkcs11"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
)

// cryptoki is what is used of a PKCS #11 library, as *p11.Ctx has it.
type cryptoki interface {
	Initialize(options ...p11.InitializeOption) error
	Finalize() error
	GetSlotList(tokenPresent bool) ([]uint, error)
	GetTokenInfo(slot uint) (p11.TokenInfo, error)
	OpenSession(slot uint, flags uint) (p11.SessionHandle, error)
	CloseSession(s p11.SessionHandle) error
	CloseAllSessions(slot uint) error
	Login(s p11.SessionHandle, userType uint, pin string) error
	FindObjectsInit(s p11.SessionHandle, template []*p11.Attribute) error
	FindObjects(s p11.SessionHandle, most int) ([]p11.ObjectHandle, bool, error)
	FindObjectsFinal(s p11.SessionHandle) error
	GetAttributeValue(s p11.SessionHandle, o p11.ObjectHandle,
		a []*p11.Attribute) ([]*p11.Attribute, error)
	SignInit(s p11.SessionHandle, m []*p11.Mechanism, key p11.ObjectHandle) error
	Sign(s p11.SessionHandle, data []byte) ([]byte, error)
}

// module is a loaded PKCS #11 library.
type module struct {
	path string
	ctx  cryptoki
	// watch ends the process when the module does not return.
	watch func(what string) (done func())
	// using is held for reading in calls for a signature, which are not made under
	// mu. While they go on the module must not be initialized again.
	using sync.RWMutex

	mu      sync.Mutex          // while tokens are opened and closed
	tokens  []*token            // open
	refused [][sha256.Size]byte // PINs, by the token too
}

// loadModule loads a library, which from then on is part of this process. It
// must be under the control of an administrator.
func loadModule(path string) (*module, error) {
	real, err := trustedPath(path)
	if err != nil {
		return nil, fmt.Errorf("load the module: %w", err)
	}
	ctx := p11.New(real)
	if ctx == nil {
		return nil, fmt.Errorf("load the module: %s is not a PKCS #11 library, or a library that it needs is missing", real)
	}
	if err := ctx.Initialize(); err != nil {
		ctx.Destroy()
		return nil, fmt.Errorf("initialize the module %s: %w", path, err)
	}
	return &module{path: path, ctx: ctx}, nil
}

// find opens the token of a key, and finds the key on it.
func (m *module) find(where *uri.URI) (*object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.watch("opening a key")()
	slot, info, err := m.slot(where)
	if err != nil {
		return nil, err
	}
	t, err := m.token(slot, info)
	if err != nil {
		return nil, err
	}
	if err := m.login(t, where, info.Flags); err != nil {
		return nil, err
	}
	return t.find(where)
}

// slot finds the slot with a token.
func (m *module) slot(where *uri.URI) (uint, p11.TokenInfo, error) {
	slot, info, found, seen, err := m.search(where)
	// Many modules look for tokens only when they are initialized.
	if err == nil && found == 0 && len(m.tokens) == 0 || errors.Is(err, errUninitialized) {
		if err := m.initialize(); err != nil {
			return 0, info, fmt.Errorf("initialize the module %s again: %w", m.path, err)
		}
		slot, info, found, seen, err = m.search(where)
	}
	switch {
	case err != nil:
		return 0, info, err
	case found == 0:
		return 0, info, fmt.Errorf("no token fits %s: the module has %s", name(where), listed(seen))
	case found > 1:
		return 0, info, fmt.Errorf("%d tokens fit %s: name one by its serial", found, name(where))
	}
	return slot, info, nil
}

// errUninitialized is the error of a module that was not initialized again when
// that was tried.
var errUninitialized error = p11.Error(p11.CKR_CRYPTOKI_NOT_INITIALIZED)

// initialize initializes a module again, once nobody uses it.
func (m *module) initialize() error {
	m.using.Lock()
	defer m.using.Unlock()
	err := m.ctx.Finalize()
	if errors.Is(err, errUninitialized) {
		err = nil
	}
	return errors.Join(err, m.ctx.Initialize())
}

func (m *module) search(where *uri.URI) (
	slot uint, info p11.TokenInfo, found int, seen []string, err error) {
	slots, err := m.ctx.GetSlotList(true)
	if err != nil {
		return 0, info, 0, nil, fmt.Errorf("list the tokens of %s: %w", m.path, err)
	}
	for _, s := range slots {
		i, err := m.ctx.GetTokenInfo(s)
		if err != nil || i.Flags&p11.CKF_TOKEN_INITIALIZED == 0 {
			continue // taken out meanwhile, or empty
		}
		seen = append(seen, fmt.Sprintf("%q", padded(i.Label)))
		if fits(where.Token, i.Label) && fits(where.Serial, i.SerialNumber) &&
			fits(where.Manufacturer, i.ManufacturerID) && fits(where.Model, i.Model) {
			slot, info, found = s, i, found+1
		}
	}
	return slot, info, found, seen, nil
}

func fits(want, is string) bool { return want == "" || want == padded(is) }

// padded takes away what modules fill fields of fixed length with.
func padded(s string) string { return strings.TrimRight(s, " \x00") }

func name(where *uri.URI) string {
	if where.Token == "" {
		return "serial " + where.Serial
	}
	return fmt.Sprintf("%q", where.Token)
}

func listed(seen []string) string {
	if len(seen) == 0 {
		return "none (or this process may not read them)"
	}
	return strings.Join(seen[:min(len(seen), 5)], ", ")
}

// token returns the open token in a slot, or opens it.
func (m *module) token(slot uint, info p11.TokenInfo) (*token, error) {
	for _, t := range m.tokens {
		if t.slot == slot {
			return t, nil
		}
	}
	t, err := openToken(m, slot, info)
	if err != nil {
		return nil, err
	}
	m.tokens = append(m.tokens, t)
	return t, nil
}
