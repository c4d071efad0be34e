package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/secure-socket-api/ssa/internal/identity"
)

// TicketStore is a store through which servers on several machines have ticket
// keys in common. Immutable.
type TicketStore struct {
	Name string
	At   Position
	// Path is the Unix socket of a store on this machine; otherwise it is
	// reached over TLS at Host, a name or an address, and Port.
	Path     string
	Host     string
	Port     uint16
	Database int
	User     string // "" for the store's default user
	// Policy is what holds for connections to it: that of the section default,
	// with the authorities of the store's own file where it has one.
	Policy *Effective
	// Retention is the longest lifetime of a session whose tickets it is for.
	Retention time.Duration

	ca, passwordFile, keyFile string
	identityName              string
	anchors                   *Anchors // of ca
	password                  string
	secret                    []byte // what is in keyFile
	identity                  *IdentityFiles
	err                       error // why this process may not have it
	digest                    [sha256.Size]byte
}

// Address says in words where the store is.
func (s *TicketStore) Address() string {
	if s.Path != "" {
		return s.Path
	}
	return addressOf(s.Host, s.Port)
}

// Digest tells stores apart: two with the same digest are reached in the same
// way, and used with the same secret.
func (s *TicketStore) Digest() [sha256.Size]byte { return s.digest }

// TicketAccess is what a TicketStore is used with.
type TicketAccess struct {
	Password string // "" for none
	// Secret never leaves the machine: without it nobody can make ticket keys
	// of what is in the store.
	Secret []byte
	// Identity is shown to a store that asks for a certificate; nil for none.
	Identity *identity.Identity
}

// Access returns what the store is used with. It is an error when something
// could not be read with the rights of this process.
func (s *TicketStore) Access() (TicketAccess, error) {
	if s.err != nil {
		return TicketAccess{}, fmt.Errorf("the ticket store %s of the policy (%s) cannot be used: %w", s.Name, s.At, s.err)
	}
	access := TicketAccess{Password: s.password, Secret: s.secret}
	if s.identity != nil {
		if s.identity.err != nil {
			return TicketAccess{}, fmt.Errorf("the identity %s of the ticket store %s (%s) cannot be used: %w", s.identity.Name, s.Name, s.At, s.identity.err)
		}
		access.Identity = s.identity.loaded
	}
	return access, nil
}

// completeStore gives a store what other parts of the policy say: how connections
// are made, and who shows which certificate.
func (l *loader) completeStore(s *TicketStore, fallback *Effective) {
	s.Policy = fallback.clone()
	s.Policy.TicketStore = nil // nothing resumes through the store that it connects to
	if s.anchors != nil {
		s.Policy.Anchors, s.Policy.RootsFrom, s.Policy.roots = s.anchors, s.ca, []string{s.ca}
	}
	if s.identityName != "" {
		if s.identity = l.identities[s.identityName]; s.identity == nil {
			l.report(s.At, "ticket store "+s.Name+": no identity "+clip(s.identityName)+" in identities"+
				didYouMean(s.identityName, slices.Sorted(maps.Keys(l.identities))))
		}
	}
	s.digest = s.sum()
}

// sum digests all that matters to whoever uses the store.
func (s *TicketStore) sum() [sha256.Size]byte {
	hash := sha256.New()
	add := func(text string) {
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		hash.Write([]byte(text))
	}
	for _, text := range []string{s.Name, s.Address(), fmt.Sprint(s.Database), s.User, s.password,
		string(s.secret), s.identityName} {
		add(text)
	}
	for _, setting := range s.Policy.Settings() {
		add(setting.Value)
	}
	anchors, _ := s.Policy.NamedRoots()
	for _, cert := range anchors {
		add(string(cert.Raw))
	}
	if s.identity != nil && s.identity.loaded != nil {
		fingerprint := s.identity.loaded.Fingerprint()
		add(string(fingerprint[:]))
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// checkSecret refuses a secret that cannot be one.
func checkSecret(data []byte) error {
	const least, kinds = 32, 8
	seen := map[byte]bool{}
	for _, b := range data {
		seen[b] = true
	}
	switch {
	case len(data) < least:
		return fmt.Errorf("it has %d bytes, a secret has at least %d: make one with head -c %d /dev/urandom", len(data), least, least)
	case len(seen) < kinds:
		return errors.New("it is not random: make one with head -c 32 /dev/urandom")
	}
	return nil
}
