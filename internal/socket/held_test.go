package socket

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// TestCertificatesAreBounded: programs cannot make a gate hold more than its
// bound of certificates, an option that is refused for that changes nothing, and
// what sockets hold is given back when they are closed.
func TestCertificatesAreBounded(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	r := newRig(t, authority)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	roots, err := os.ReadFile(authority.File(t))
	if err != nil {
		t.Fatal(err)
	}
	chain, err := os.ReadFile(leaf.ChainFile(t))
	if err != nil {
		t.Fatal(err)
	}
	s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
	full := int64(maxHeld - 1)
	r.table.held.Store(full)
	for option, content := range map[abi.Option][]byte{
		abi.TrustedPeerCertificates: roots, abi.CertificateChain: chain,
	} {
		if err := s.SetTLSOption(c, option, content); !errors.Is(err, abi.ENOBUFS) {
			t.Errorf("%v with no room: %v, want ENOBUFS", option, err)
		}
	}
	if s.set.asked.Roots || s.set.roots != nil || len(s.set.chains) > 0 {
		t.Error("options that were refused have changed the socket")
	}
	if held := r.table.held.Load(); held != full || s.held != 0 {
		t.Errorf("%d bytes are held, by this socket %d: want %d and none", held, s.held, full)
	}
	r.table.held.Store(0)
	if err := s.SetTLSOption(c, abi.TrustedPeerCertificates, roots); err != nil {
		t.Error(err)
	}
	for range maxIdentities {
		if err := s.SetTLSOption(c, abi.CertificateChain, chain); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetTLSOption(c, abi.CertificateChain, chain); !errors.Is(err, abi.EINVAL) {
		t.Errorf("a chain too many: %v, want EINVAL", err)
	}
	if want := int64(len(roots) + maxIdentities*len(chain)); r.table.held.Load() != want {
		t.Errorf("%d bytes are held, want %d", r.table.held.Load(), want)
	}
	s.release()
	if held := r.table.held.Load(); held != 0 {
		t.Errorf("%d bytes are held by no socket", held)
	}
}
