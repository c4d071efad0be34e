package policy

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
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
		certs, err := d.readRoots(d.path(text))
		if err != nil {
			d.problem(item, "trust.roots: %v%s", err, rootsHint(text))
			ok = false
			return
		}
		d.warnOfWriters(d.at(item), "trust.roots", d.path(text))
		anchors.fixed = append(anchors.fixed, certs...)
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

// readRoots reads the certificates of a PEM file or of the files of a folder.
func (l *loader) readRoots(path string) ([]*x509.Certificate, error) {
	name := strings.TrimPrefix(path, "/")
	info, err := fs.Stat(l.files, name)
	if err != nil {
		return nil, fileError(path, err)
	}
	if !info.IsDir() {
		return l.readRootsFile(path)
	}
	entries, err := fs.ReadDir(l.files, name)
	if err != nil {
		return nil, fileError(path, err)
	}
	var certs []*x509.Certificate
	for _, entry := range entries {
		file := filepath.Join(path, entry.Name())
		if info, err := fs.Stat(l.files, strings.TrimPrefix(file, "/")); err == nil && info.IsDir() {
			continue
		}
		more, err := l.readRootsFile(file)
		if err != nil {
			return nil, err
		}
		certs = append(certs, more...)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("no certificate in the folder %s, expected PEM files", path)
	}
	return certs, nil
}

// readRootsFile reads a PEM file that must have a certificate.
func (l *loader) readRootsFile(path string) ([]*x509.Certificate, error) {
	data, err := readRegular(l.files, strings.TrimPrefix(path, "/"), maxRootsFile+1)
	if err != nil {
		return nil, fileError(path, err)
	}
	if len(data) > maxRootsFile {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxRootsFile)
	}
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of %s: %w", len(certs)+1, path, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("no certificate in %s, expected PEM with -----BEGIN CERTIFICATE-----", path)
	}
	return certs, nil
}

// fileError is an error of the file system that names the path once.
func fileError(path string, err error) error {
	if pathErr, ok := err.(*fs.PathError); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
