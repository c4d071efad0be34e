package cryptopolicies

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/secure-socket-api/ssa/internal/sys/regular"
)

// maxSize bounds a file; real ones have two or three thousand bytes.
const maxSize = 64 << 10

// FormatError says that a file is not what it should be.
type FormatError struct {
	At     Place
	Reason string
}

func (e *FormatError) Error() string { return e.At.String() + ": " + e.Reason }

// backEnds are the files below a folder that say most, best first.
var backEnds = []string{"back-ends/opensslcnf.config", "back-ends/gnutls.config",
	"back-ends/openssl.config"}

// Read reads the settings of a file, or of a folder such as
// /etc/crypto-policies.
func Read(path string) (*Settings, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading crypto-policies: %w", err)
	}
	folder := path
	if !info.IsDir() {
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		if !onlyName(path, data) {
			return Parse(path, data)
		}
		folder = strings.TrimSuffix(filepath.Dir(path), "/state")
	}
	for _, name := range backEnds {
		file := filepath.Join(folder, name)
		data, err := readFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s, err := Parse(file, data)
		if err == nil {
			s.name = policyName(folder)
		}
		return s, err
	}
	return nil, &FormatError{Place{folder, 0}, "none of " + strings.Join(backEnds, ", ") + " is there"}
}

// onlyName reports whether a file holds the name of a policy and no settings:
// config and state/current.
func onlyName(path string, data []byte) bool {
	base := filepath.Base(path)
	return (base == "config" || base == "current") && !bytes.ContainsAny(data, "=@")
}

// policyName is the name of the policy that a folder's settings were made from.
func policyName(folder string) string {
	for _, name := range []string{"state/current", "config"} {
		data, err := readFile(filepath.Join(folder, name))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				return clip(line)
			}
		}
	}
	return ""
}

func readFile(path string) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading crypto-policies: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &FormatError{Place{path, 0}, "not a regular file"}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading crypto-policies: %w", err)
	}
	return data, nil
}

// Parse reads the settings of a file's content. Its name tells a policy
// definition; the others are told by what they say.
func Parse(name string, data []byte) (*Settings, error) {
	if len(data) > maxSize {
		return nil, &FormatError{Place{name, 0}, fmt.Sprintf("more than %d bytes", maxSize)}
	}
	text := string(data)
	lines := strings.Split(text, "\n")
	s := &Settings{}
	var err error
	switch base := filepath.Base(name); {
	case strings.HasSuffix(base, ".pmod"):
		return nil, &FormatError{Place{name, 0}, "a policy module changes a policy and is not one itself: apply it with update-crypto-policies, then read /etc/crypto-policies"}
	case strings.HasSuffix(base, ".pol"):
		s.readPol(name, lines)
	case strings.Contains(text, "[overrides]") || strings.Contains(text, "[global]"):
		err = s.readGnuTLS(name, lines)
	case strings.Contains(text, "CipherString") || strings.Contains(text, "Ciphersuites"):
		s.readOpenSSL(name, lines)
	case strings.HasPrefix(strings.TrimSpace(text), "@SECLEVEL") || base == "openssl.config":
		s.readCipherString(strings.TrimSpace(strings.Join(lines, " ")), Place{name, 1})
	default:
		err = &FormatError{Place{name, 0}, "neither settings of OpenSSL or GnuTLS, nor a policy definition (*.pol)"}
	}
	if err == nil && s.understood == 0 {
		err = &FormatError{Place{name, 0}, "it says nothing of TLS"}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}
