package policy

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secure-socket-api/ssa/internal/identity"
)

const (
	maxIdentities   = 1024
	maxIdentityFile = 1 << 20 // bytes
)

// IdentityFiles are the files of an identity, and what was in them when the
// policy was loaded.
type IdentityFiles struct {
	Name  string
	Chain string
	Key   string // a file, or the pkcs11: URI of a key on a token
	At    Position
	// users and groups are who may have it: profiles for others may not name it.
	// Both empty is anybody.
	users, groups []uint32

	loaded *identity.Identity
	err    error // why this process may not have it
}

// Identities returns the certificates of a server whose program brings none, in
// the order of the policy, the first being for clients that name none of them.
// There may be none. It is an error when one of them could not be read with the
// rights of this process: a server with half of its names would be worse.
func (e *Effective) Identities() ([]*identity.Identity, error) { return e.IdentitiesNow(nil) }

// IdentitiesNow returns them as they are under their names meanwhile: a server
// that listens for years needs the certificates that were renewed. One that is
// not among those renewed, or is for others there, is that of this policy.
func (e *Effective) IdentitiesNow(renewed map[string]*IdentityFiles) ([]*identity.Identity, error) {
	var ids []*identity.Identity
	for _, files := range e.ServerIdentities {
		if now := renewed[files.Name]; now != nil && slices.Equal(now.users, files.users) &&
			slices.Equal(now.groups, files.groups) {
			ids = append(ids, now.loaded)
			continue
		}
		if files.err != nil {
			return nil, fmt.Errorf("the identity %s of the policy (%s) cannot be used: %w", files.Name, files.At, files.err)
		}
		ids = append(ids, files.loaded)
	}
	return ids, nil
}

// identityMap decodes `identities`: names with the files of a chain and a key.
func (d *decoder) identityMap(n *yaml.Node) {
	d.mapping(n, "identities", func(k, v *yaml.Node) {
		if !d.name(k, "the name of an identity", k.Value) {
			return
		}
		files := &IdentityFiles{Name: k.Value, At: d.at(k)}
		complete := d.identityFiles(v, files)
		switch other := d.identities[k.Value]; {
		case other != nil:
			d.problem(k, "a second identity %s, the first is at %s", k.Value, other.At)
			return
		case len(d.identities) == maxIdentities:
			d.problem(k, "more than %d identities", maxIdentities)
			return
		}
		d.identities[k.Value] = files
		if complete {
			d.loadIdentity(files)
		}
	})
}

func (d *decoder) identityFiles(n *yaml.Node, files *IdentityFiles) (complete bool) {
	what := "identity " + files.Name
	seen := 0
	ok := d.mapping(n, what, func(k, v *yaml.Node) {
		switch k.Value {
		case "users":
			files.users = d.accounts(v, "/etc/passwd", what+": users", "user")
			return
		case "groups":
			files.groups = d.accounts(v, "/etc/group", what+": groups", "group")
			return
		}
		to := map[string]*string{"chain": &files.Chain, "key": &files.Key}[k.Value]
		if to == nil {
			d.unknown(k, " in "+what, []string{"chain", "key", "users", "groups"})
			return
		}
		seen++
		text, ok := d.text(v, what+": "+k.Value)
		switch {
		case !ok:
		case k.Value == "key" && onToken(text):
			*to = d.tokenKey(v, what, text)
		default:
			*to = d.path(text)
		}
	})
	if ok && seen < 2 {
		d.problem(n, "%s needs both chain and key", what)
	}
	return files.Chain != "" && files.Key != ""
}

// loadIdentity reads the files of an identity. That this process may not read
// them counts once a server needs them, since the same policy is read by
// programs of users who run no server; anything else about them is a problem.
func (l *loader) loadIdentity(files *IdentityFiles) {
	if l.outline {
		files.err = errOutline
		return
	}
	files.loaded, files.err = l.readIdentity(files)
	text := "identity " + files.Name + ": "
	switch {
	case errors.Is(files.err, fs.ErrPermission):
	case files.err != nil:
		l.report(files.At, text+files.err.Error())
	default:
		if leaf := files.loaded.Leaf(); !l.now().Before(leaf.NotAfter) {
			l.warnings = append(l.warnings, Problem{files.At,
				text + "its certificate has expired on " + leaf.NotAfter.UTC().Format("2006-01-02 15:04 UTC")})
		}
	}
}

func (l *loader) readIdentity(files *IdentityFiles) (*identity.Identity, error) {
	data, err := l.readIdentityFile(files.Chain)
	if err != nil {
		return nil, err
	}
	chain, err := identity.ParseChain(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Chain, err)
	}
	l.warnOfWriters(files.At, "identity "+files.Name, files.Chain)
	key, err := l.readKey(files, chain.Leaf().PublicKey)
	if err != nil {
		return nil, err
	}
	id, err := identity.Match([]identity.Chain{chain}, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Key, err)
	}
	return id, nil
}

// readKey returns the key of an identity, from its file or its token.
func (l *loader) readKey(files *IdentityFiles, certified crypto.PublicKey) (crypto.Signer, error) {
	if onToken(files.Key) {
		return l.openTokenKey(files, certified)
	}
	data, err := l.readIdentityFile(files.Key)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	key, err := identity.ParseKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Key, err)
	}
	l.warnOfReaders(files.At, "identity "+files.Name, files.Key)
	return key, nil
}

func (l *loader) readIdentityFile(path string) ([]byte, error) {
	data, err := readRegular(l.files, strings.TrimPrefix(path, "/"), maxIdentityFile+1)
	switch {
	case err != nil:
		return nil, fileError(path, err)
	case len(data) > maxIdentityFile:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxIdentityFile)
	}
	return data, nil
}

// warnOfReaders warns of a secret that more than its owner may read or write.
func (l *loader) warnOfReaders(at Position, what, secret string) {
	info, err := fs.Stat(l.files, strings.TrimPrefix(secret, "/"))
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return
	}
	who := "its group"
	if info.Mode().Perm()&0o007 != 0 {
		who = "everyone"
	}
	l.warnings = append(l.warnings, Problem{at, fmt.Sprintf("%s: %s may be used by %s (mode %04o); chmod go= it, unless that is meant",
		what, secret, who, info.Mode().Perm())})
}
