package identity

import (
	"crypto/tls"
	"errors"
	"strings"
)

// Select picks the identity for a client's hello: one that names the server
// asked for, else one with a wildcard for it, else the first given. Among
// those, the first one that the client's signature algorithms and our versions
// allow, so that one name may have certificates with several kinds of keys.
//
// When none can be used it returns the first: crypto/tls then ends the
// handshake with the alert that is due.
func Select(ids []*Identity, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(ids) == 0 {
		return nil, errors.New("there is no certificate to serve")
	}
	// SupportsCertificate also compares names; that part is ours.
	nameless := *hello
	nameless.ServerName = ""
	name := canonical(hello.ServerName)
	best, bestRank := ids[0], 0
	for _, id := range ids {
		rank := id.rank(name)
		if rank <= bestRank {
			continue
		}
		if nameless.SupportsCertificate(&id.certificate) == nil {
			best, bestRank = id, rank
		}
	}
	return &best.certificate, nil
}

// rank says how well an identity fits a name: 3 names it, 2 has a wildcard for
// it, 1 is any other.
func (id *Identity) rank(name string) int {
	if name == "" {
		return 1
	}
	rank := 1
	for _, pattern := range id.Leaf().DNSNames {
		pattern = canonical(pattern)
		if pattern == name {
			return 3
		}
		if wildcardMatches(pattern, name) {
			rank = 2
		}
	}
	return rank
}

// wildcardMatches says whether a pattern such as *.example.com covers a name:
// the star stands for exactly one label.
func wildcardMatches(pattern, name string) bool {
	suffix, ok := strings.CutPrefix(pattern, "*")
	if !ok || !strings.HasPrefix(suffix, ".") {
		return false
	}
	label, ok := strings.CutSuffix(name, suffix)
	return ok && label != "" && !strings.Contains(label, ".")
}

func canonical(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// SelectClient picks the identity to answer a server's request with: the first
// that the server accepts. The only one is shown to whoever can read it: there
// is nothing to choose, a server's list of authorities need not be complete, and
// one that does not like it says so. Without one it returns an empty
// certificate, which tells the server that there is none.
func SelectClient(ids []*Identity, request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	for _, id := range ids {
		if request.SupportsCertificate(&id.certificate) == nil {
			return &id.certificate, nil
		}
	}
	if len(ids) == 1 {
		anybody := *request
		anybody.AcceptableCAs = nil
		if anybody.SupportsCertificate(&ids[0].certificate) == nil {
			return &ids[0].certificate, nil
		}
	}
	return new(tls.Certificate), nil
}
