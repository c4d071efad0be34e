//go:build cgo

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	p11 "github.com/miekg/pkcs11"
)

// atOnce is how many signatures one token makes at once, if it has as many
// sessions.
const atOnce = 8

// token is an open token: one session that keeps it logged in, and some that
// sign.
type token struct {
	module   *module
	slot     uint
	serial   string
	session  p11.SessionHandle // for what is done under module.mu
	loggedIn bool
	source   string            // of the PIN that it was given
	pin      [sha256.Size]byte // that PIN
	slots    chan struct{}     // one for each session in use

	mu      sync.Mutex
	idle    []p11.SessionHandle
	dropped bool // its sessions are gone, and their numbers may be others' now
}

func openToken(m *module, slot uint, info p11.TokenInfo) (*token, error) {
	sessions := uint(atOnce)
	// CK_UNAVAILABLE_INFORMATION is the largest number, CK_EFFECTIVELY_INFINITE is 0.
	if most := info.MaxSessionCount; most != p11.CK_EFFECTIVELY_INFINITE &&
		most != p11.CK_UNAVAILABLE_INFORMATION && most <= sessions {
		sessions = max(1, most-1)
	}
	t := &token{module: m, slot: slot, serial: padded(info.SerialNumber),
		slots: make(chan struct{}, sessions)}
	var err error
	if t.session, err = t.open(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *token) open() (p11.SessionHandle, error) {
	defer t.module.watch("opening a session")()
	s, err := t.module.ctx.OpenSession(t.slot, p11.CKF_SERIAL_SESSION)
	if err != nil {
		return 0, fmt.Errorf("open a session with the token: %w", err)
	}
	return s, nil
}

// acquire returns a session that nobody else uses, to one who has a slot.
func (t *token) acquire() (p11.SessionHandle, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.idle); n > 0 {
		s := t.idle[n-1]
		t.idle = t.idle[:n-1]
		return s, nil
	}
	if t.dropped {
		return 0, p11.Error(p11.CKR_SESSION_CLOSED)
	}
	return t.open()
}

// release gives a session back. One whose operation failed may still be in the
// middle of it, and is closed.
func (t *token) release(s p11.SessionHandle, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.dropped:
	case failed:
		defer t.module.watch("closing a session")()
		_ = t.module.ctx.CloseSession(s) // it may be gone
	default:
		t.idle = append(t.idle, s)
	}
}

// drop closes a token that has been lost. What it still does fails.
func (t *token) drop() {
	t.module.mu.Lock()
	defer t.module.mu.Unlock()
	t.dropLocked()
}

// dropLocked is drop with module.mu held.
func (t *token) dropLocked() {
	if i := slices.Index(t.module.tokens, t); i >= 0 {
		t.module.tokens = slices.Delete(t.module.tokens, i, i+1)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.idle, t.dropped = nil, true
		defer t.module.watch("closing its sessions")()
		_ = t.module.ctx.CloseAllSessions(t.slot) // they may be gone
	}
}

// isLost reports whether an error means that what was opened is there no more.
func isLost(err error) bool {
	var code p11.Error
	return errors.As(err, &code) && slices.Contains([]p11.Error{
		p11.CKR_SESSION_HANDLE_INVALID, p11.CKR_SESSION_CLOSED, p11.CKR_USER_NOT_LOGGED_IN,
		p11.CKR_OBJECT_HANDLE_INVALID,
		p11.CKR_KEY_HANDLE_INVALID, p11.CKR_DEVICE_REMOVED, p11.CKR_TOKEN_NOT_PRESENT,
		p11.CKR_SLOT_ID_INVALID,
		p11.CKR_DEVICE_ERROR, p11.CKR_CRYPTOKI_NOT_INITIALIZED,
	}, code)
}
