package policy

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/uri"
)

// KeyOpener finds a key on a token by its pkcs11: URI, in the form that
// uri.URI's String gives it. Certified is the public key that it should have:
// that of the identity's certificate. An error that is fs.ErrPermission says
// that this process may not have the key; any other makes the policy
// unacceptable. It is called while a policy loads, by one goroutine.
type KeyOpener func(uri string, certified crypto.PublicKey) (crypto.Signer, error)

// noTokens is why a process that opens no tokens has no key of one. It is
// fs.ErrPermission.
type noTokens struct{}

func (noTokens) Error() string {
	return "this process may not use keys on tokens, only one that may open the token"
}

func (noTokens) Is(target error) bool { return target == fs.ErrPermission }

func onToken(key string) bool { return strings.HasPrefix(key, uri.Scheme) }

// tokenKey decodes the URI of a key; "" when it is not right.
func (d *decoder) tokenKey(n *yaml.Node, what, text string) string {
	key, err := uri.Parse(text)
	if err != nil {
		d.problem(n, "%s: key: %v", what, err)
		return ""
	}
	return key.String()
}

// openTokenKey asks for a key on a token.
func (l *loader) openTokenKey(files *IdentityFiles,
	certified crypto.PublicKey) (crypto.Signer, error) {
	where, err := uri.Parse(files.Key)
	if err != nil {
		return nil, err
	}
	if where.PINSource != "" {
		l.warnOfReaders(files.At, "identity "+files.Name, where.PINSource)
	}
	if l.openKey == nil {
		return nil, noTokens{}
	}
	key, err := l.openKey(files.Key, certified)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", files.Key, err)
	case key == nil:
		return nil, errors.New("nobody opened the key " + files.Key)
	}
	return key, nil
}
