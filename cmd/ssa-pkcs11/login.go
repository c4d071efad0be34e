//go:build cgo

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	p11 "github.com/miekg/pkcs11"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
)

// login gives a token its PIN, from the file that names it, with module.mu
// held. A PIN that was refused is not tried again: tokens lock themselves after
// a few. flags are the token's of now.
func (m *module) login(t *token, where *uri.URI, flags uint) error {
	if where.PINSource == "" || t.loggedIn && where.PINSource == t.source {
		return nil
	}
	pin, err := readPIN(where.PINSource)
	if err != nil {
		return err
	}
	tried := sha256.Sum256(fmt.Appendf(nil, "%d %q %q", t.slot, t.serial, pin))
	switch {
	case t.loggedIn && tried != t.pin:
		// It would be found wrong once this key happened to be the first.
		return fmt.Errorf("the PIN in %s is not the one in %s, which has opened the token", where.PINSource, t.source)
	case t.loggedIn:
		return nil
	case slices.Contains(m.refused, tried):
		return fmt.Errorf("the token has refused the PIN in %s before; it is not tried again until ssa is restarted, lest the token lock itself", where.PINSource)
	}
	if err := mayTry(where, flags); err != nil {
		return err
	}
	err = m.ctx.Login(t.session, p11.CKU_USER, pin)
	switch {
	case err == nil, errors.Is(err, p11.Error(p11.CKR_USER_ALREADY_LOGGED_IN)):
		t.loggedIn, t.source, t.pin = true, where.PINSource, tried
		return nil
	case errors.Is(err, p11.Error(p11.CKR_PIN_INCORRECT)),
		errors.Is(err, p11.Error(p11.CKR_PIN_LEN_RANGE)), errors.Is(err, p11.Error(p11.CKR_PIN_INVALID)):
		m.refused = append(m.refused, tried)
	}
	if isLost(err) {
		t.dropLocked()
	}
	return fmt.Errorf("log in to the token %s with the PIN in %s: %w", name(where), where.PINSource, err)
}

// mayTry leaves the last try to somebody who knows the PIN: this process does
// not know what others before it have tried, and may be one of many that are
// started one after another.
func mayTry(where *uri.URI, flags uint) error {
	switch {
	case flags&p11.CKF_USER_PIN_LOCKED != 0:
		return fmt.Errorf("the token %s is locked after too many wrong PINs: unlock it with the PIN of its security officer", name(where))
	case flags&p11.CKF_USER_PIN_FINAL_TRY != 0:
		return fmt.Errorf("the token %s locks itself at one more wrong PIN, so the one in %s is not tried: "+
			"log in with the right one by hand first, as pkcs11-tool --login does", name(where), where.PINSource)
	}
	return nil
}

// readPIN reads a PIN, the one line of a file. Who may read the file is for the
// policy to warn of.
func readPIN(path string) (string, error) {
	pin, err := readLine(path)
	if err != nil {
		return "", fmt.Errorf("read the PIN: %w", err)
	}
	return pin, nil
}

func readLine(path string) (string, error) {
	const longest = 256
	real, err := trustedPath(path)
	if err != nil {
		return "", err
	}
	// a FIFO makes nobody wait
	f, err := os.OpenFile(real, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, longest+3))
	defer clear(data)
	if err != nil {
		return "", err
	}
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(line) > longest || len(bytes.TrimSpace(rest)) > 0 {
		return "", fmt.Errorf("%s is not one line of at most %d bytes", path, longest)
	}
	return string(line), nil
}
