package policy

import (
	"crypto/x509"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secure-socket-api/ssa/internal/identity"
)

const (
	systemRootsWord = "system"
	systemRootsText = "the system trust store"
	maxRootsFile    = 8 << 20 // bytes; a whole system bundle has a quarter MiB
)

// decodeRoots decodes trust.roots: the word system, files and folders.
func decodeRoots(d *decoder, n *yaml.Node) change {
	anchors, ok := &Anchors{}, true
	var items, from []string
	isList := d.texts(n, "trust.roots", func(item *yaml.Node, text string) {
		if text == systemRootsWord {
			anchors.system = d.system
			items, from = append(items, text), append(from, systemRootsText)
			return
		}
		if d.outline {
			items, from = append(items, d.path(text)), append(from, d.path(text))
			return
		}
		read, err := d.readRoots(d.path(text))
		if err != nil {
			d.problem(item, "trust.roots: %v%s", err, rootsHint(text))
			ok = false
			return
		}
		d.warnOfWriters(d.at(item), "trust.roots", d.path(text))
		for _, err := range read.skipped {
			d.warn(item, "trust.roots: left out: %v", err)
		}
		anchors.fixed = append(anchors.fixed, read.certs...)
		items, from = append(items, d.path(text)), append(from, d.path(text))
	})
	if !isList {
		return nil
	}
	if len(n.Content) == 0 {
		d.problem(n, "trust.roots is an empty list, nobody would be trusted: name %s, PEM files or folders", systemRootsWord)
		return nil
	}
	if !ok || len(from) == 0 {
		return nil
	}
	return func(e *Effective) {
		e.Anchors, e.roots, e.RootsFrom = anchors, items, strings.Join(from, " and ")
	}
}

// rootsHint helps with a misspelt "system".
func rootsHint(text string) string {
	if strings.Contains(text, "/") {
		return ""
	}
	return didYouMean(text, []string{systemRootsWord})
}

// path returns the absolute path of a file that a policy names; a relative one
// starts at the policy file's own folder.
func (d *decoder) path(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(d.file), name)
	}
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// rootFiles are certificates, and what was left out of them.
type rootFiles struct {
	certs   []*x509.Certificate
	skipped []error
}

// readRoots reads the certificates of a PEM file or of the files of a folder.
// What is wrong with a file that was named is an error; what is wrong with one of
// a folder, which others put there, leaves that one out. So does a key of a kind
// that crypto/x509 does not know: its certificate vouches for nobody here.
func (l *loader) readRoots(path string) (*rootFiles, error) {
	name := strings.TrimPrefix(path, "/")
	info, err := fs.Stat(l.files, name)
	if err != nil {
		return nil, fileError(path, err)
	}
	roots := &rootFiles{}
	if !info.IsDir() {
		if err := l.readRootsFile(roots, path); err != nil {
			return nil, err
		}
		return roots, nil
	}
	entries, err := fs.ReadDir(l.files, name)
	if err != nil {
		return nil, fileError(path, err)
	}
	for _, entry := range entries {
		file := filepath.Join(path, entry.Name())
		if info, err := fs.Stat(l.files, strings.TrimPrefix(file, "/")); err == nil && info.IsDir() {
			continue
		}
		if err := l.readRootsFile(roots, file); err != nil {
			roots.skipped = append(roots.skipped, err)
		}
	}
	if len(roots.certs) == 0 {
		why := ""
		if len(roots.skipped) > 0 {
			why = ": " + roots.skipped[0].Error()
		}
		return nil, fmt.Errorf("no certificate in the folder %s, expected PEM files%s", path, why)
	}
	return roots, nil
}

// readRootsFile reads a PEM file that must have a certificate.
func (l *loader) readRootsFile(roots *rootFiles, path string) error {
	data, err := readRegular(l.files, strings.TrimPrefix(path, "/"), maxRootsFile+1)
	if err != nil {
		return fileError(path, err)
	}
	if len(data) > maxRootsFile {
		return fmt.Errorf("%s has more than %d bytes", path, maxRootsFile)
	}
	blocks, err := identity.Blocks(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var certs []*x509.Certificate
	var skipped []error
	seen := 0
	for _, block := range blocks {
		if block.Type != "CERTIFICATE" {
			continue
		}
		seen++
		cert, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err == nil:
			certs = append(certs, cert)
		case identity.UnknownKey(block.Bytes):
			skipped = append(skipped, fmt.Errorf("certificate %d of %s: %w", seen, path, err))
		default:
			return fmt.Errorf("certificate %d of %s: %w", seen, path, err)
		}
	}
	switch {
	case len(certs) == 0 && len(skipped) > 0:
		return skipped[0]
	case len(certs) == 0 && len(data) > 0 && data[0] == 0x30:
		return fmt.Errorf("no certificate in %s: this looks like DER, convert it to PEM", path)
	case len(certs) == 0:
		return fmt.Errorf("no certificate in %s, expected PEM with -----BEGIN CERTIFICATE-----", path)
	}
	roots.certs, roots.skipped = append(roots.certs, certs...), append(roots.skipped, skipped...)
	return nil
}

// fileError is an error of the file system that names the path once.
func fileError(path string, err error) error {
	if pathErr, ok := err.(*fs.PathError); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
