package policy

import (
	"crypto/x509"
	"io/fs"
	"path"
	"path/filepath"
	"sync"
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
			if data, err := fs.ReadFile(s.files, s.name(name)); err == nil && pool.AppendCertsFromPEM(data) {
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
			pool.AppendCertsFromPEM(data)
		}
	}
}
