package policy

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"path"
	"path/filepath"
	"sync"

	"github.com/secure-socket-api/ssa/internal/trust/constraints"
)

// Where Linux distributions keep the system trust store: the bundle is the
// first file that has certificates in it, and the folders add to it.
var (
	systemBundles = []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Alpine, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL before 10
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
		"/etc/ssl/cert.pem",                                 // Alpine, Void
	}
	systemFolders = []string{"/etc/ssl/certs", "/etc/pki/tls/certs"}
)

// systemStore is the system trust store, read when first needed.
//
// It is crypto/x509's own search without SSL_CERT_FILE and SSL_CERT_DIR: what a
// machine trusts is the administrator's to say, and the environment of a
// process is not the administrator's.
type systemStore struct {
	root  string // prefix of all paths, for tests; "" or "/" otherwise
	files fs.FS  // nil for those of this machine

	once sync.Once
	pool *x509.CertPool
}

// load returns the pool, which is empty when there is no store: then nobody is
// trusted.
func (s *systemStore) load() *x509.CertPool {
	s.once.Do(func() {
		pool := x509.NewCertPool()
		if s.files == nil {
			s.files = Machine()
		}
		for _, name := range systemBundles {
			if data, err := fs.ReadFile(s.files, s.name(name)); err == nil && addCertificates(pool, data) {
				break
			}
		}
		for _, dir := range systemFolders {
			s.addFolder(pool, s.name(dir))
		}
		s.pool = pool
	})
	return s.pool
}

func (s *systemStore) name(path string) string { return fsName(filepath.Join("/", s.root, path)) }

// addFolder adds the certificates of a folder that has at most a few hundred
// single-certificate files. The bundle beside them is skipped: it was read.
func (s *systemStore) addFolder(pool *x509.CertPool, dir string) {
	entries, err := fs.ReadDir(s.files, dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if entry.IsDir() {
			continue
		}
		if data, err := fs.ReadFile(s.files, name); err == nil {
			addCertificates(pool, data)
		}
	}
}

// constrained is how the identifier of name constraints is encoded.
var constrained = []byte{6, 3, 0x55, 0x1d, 0x1e}

// addCertificates adds what can be used of a PEM file. crypto/x509 parses most
// of it only when it is needed; the few with name constraints are made fit for
// our own judgement of these at once.
func addCertificates(pool *x509.CertPool, data []byte) (some bool) {
	data = bytes.ReplaceAll(data, []byte("\ufeff-----BEGIN "), []byte("-----BEGIN "))
	var plain []byte
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || !bytes.Contains(block.Bytes, constrained) {
			plain = append(plain, pem.EncodeToMemory(block)...)
			continue
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			pool.AddCert(constraints.Relax(cert))
			some = true
		}
	}
	return pool.AppendCertsFromPEM(plain) || some
}
