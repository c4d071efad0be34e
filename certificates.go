//go:build linux

package ssa

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/sys/regular"
)

// certificates adds what a setting with certificates has: PEM text, or a file or
// folder of it, which is read with this program's rights.
func certificates(req *engine.Request, s Setting,
	chains []identity.Chain) ([]identity.Chain, error) {
	value, err := text(s)
	if err != nil {
		return chains, err
	}
	pem := []byte(value)
	if !strings.Contains(value, "-----BEGIN ") {
		if pem, err = readPEM(s.Option, value); err != nil {
			return chains, err
		}
	}
	switch s.Option {
	case abi.TrustedPeerCertificates:
		req.ProgramRoots, err = identity.ParseRoots(pem)
	case abi.CertificateChain:
		var chain identity.Chain
		if chain, err = identity.ParseChain(pem); err == nil {
			chains = append(chains, chain)
		}
	case abi.PrivateKey:
		defer clear(pem)
		key, keyErr := identity.ParseKey(pem)
		if keyErr != nil {
			return chains, keyErr
		}
		id, matchErr := identity.Match(chains, key)
		if matchErr != nil {
			return chains, matchErr
		}
		req.Identities, chains = append(req.Identities, id), nil
	}
	return chains, err
}

// readPEM reads a file, or the files of a folder: those that cannot be read are
// left out, as by other programs that read such folders.
func readPEM(option abi.Option, path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return regular.ReadFile(path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files [][]byte
	for _, entry := range entries {
		name := filepath.Join(path, entry.Name())
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if content, err := regular.ReadFile(name); err == nil {
			files = append(files, content)
		}
	}
	switch option {
	case abi.CertificateChain:
		chain, err := identity.ChainOf(files)
		return chain.PEM(), err
	case abi.TrustedPeerCertificates:
		roots, err := identity.RootsOf(files)
		return identity.EncodeRoots(roots), err
	}
	return bytes.Join(files, []byte("\n")), nil
}
