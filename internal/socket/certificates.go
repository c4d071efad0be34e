package socket

import (
	"bytes"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/identity"
)

// pemValue returns PEM text: the value itself, or the content of the file or
// folder it names.
func pemValue(c Caller, info abi.OptionInfo, value []byte) ([]byte, error) {
	if bytes.Contains(value, []byte("-----BEGIN ")) {
		return bytes.TrimRight(value, "\x00"), nil
	}
	value, err := textValue(info, value)
	if err != nil {
		return nil, err
	}
	path := string(value)
	if len(path) >= unix.PathMax {
		return nil, abi.ENAMETOOLONG
	}
	files, folder, err := c.ReadFile(path)
	if err != nil {
		return nil, fail(fileErrno(err), "%s: reading %s: %v", info.Name, path, err)
	}
	content, err := joined(info.Option, files, folder)
	if err != nil {
		return nil, fail(abi.EINVAL, "%s: %s: %v", info.Name, path, err)
	}
	return content, nil
}

// joined returns the files of a folder as one: certificates in the order that a
// file would have them in.
func joined(option abi.Option, files [][]byte, folder bool) ([]byte, error) {
	switch {
	case folder && option == abi.CertificateChain:
		chain, err := identity.ChainOf(files)
		return chain.PEM(), err
	case folder && option == abi.TrustedPeerCertificates:
		roots, err := identity.RootsOf(files)
		return identity.EncodeRoots(roots), err
	}
	return bytes.Join(files, []byte("\n")), nil
}

// fileErrno keeps an errno of open(2); anything else is EINVAL.
func fileErrno(err error) abi.Errno {
	if errno := Errno(err); errno != abi.EIO {
		return errno
	}
	return abi.EINVAL
}

// maxHeld bounds the PEM bytes that the sockets of one gate hold together.
const maxHeld = 256 << 20

// holdLocked accounts for PEM bytes that the socket keeps.
func (s *Socket) holdLocked(info abi.OptionInfo, size int) error {
	if held := s.table.held.Add(int64(size)); held > maxHeld {
		s.table.held.Add(int64(-size))
		return fail(abi.ENOBUFS, "%s: the sockets of this gate hold %d MiB of certificates already", info.Name, held>>20)
	}
	s.held += int64(size)
	return nil
}

// dropLocked takes holdLocked back.
func (s *Socket) dropLocked(size int) {
	s.table.held.Add(int64(-size))
	s.held -= int64(size)
}

func setRoots(s *Socket, c Caller, info abi.OptionInfo, content []byte) error {
	roots, err := identity.ParseRoots(content)
	if err != nil {
		return fail(abi.EINVAL, "%s: %v", info.Name, err)
	}
	asked := s.set.asked
	asked.Roots = true
	// First: an option that is refused changes nothing.
	if err := s.holdLocked(info, len(content)); err != nil {
		return err
	}
	if err := s.tightenLocked(c, info.Option, asked); err != nil {
		s.dropLocked(len(content))
		return err
	}
	s.set.roots = roots
	return nil
}

func setChain(s *Socket, _ Caller, info abi.OptionInfo, content []byte) error {
	chain, err := identity.ParseChain(content)
	if err != nil {
		return fail(abi.EINVAL, "%s: %v", info.Name, err)
	}
	if len(s.set.chains)+len(s.set.identities) >= maxIdentities {
		return fail(abi.EINVAL, "%s: a socket has at most %d certificate chains", info.Name, maxIdentities)
	}
	if err := s.holdLocked(info, len(content)); err != nil {
		return err
	}
	s.set.chains = append(slices.Clone(s.set.chains), chain)
	return nil
}

// maxIdentities bounds what one socket can make the gate hold.
const maxIdentities = 1024

func setKey(s *Socket, _ Caller, info abi.OptionInfo, content []byte) error {
	key, err := identity.ParseKey(content)
	clear(content)
	if err != nil {
		return fail(abi.EINVAL, "%s: %v", info.Name, err)
	}
	if len(s.set.chains) == 0 {
		return fail(abi.EINVAL, "%s: there is no chain for this key: set TLS_CERTIFICATE_CHAIN first", info.Name)
	}
	id, err := identity.Match(s.set.chains, key)
	if err != nil {
		return fail(abi.EINVAL, "%s: %v", info.Name, err)
	}
	s.set.identities = append(slices.Clone(s.set.identities), id)
	s.set.chains = slices.DeleteFunc(slices.Clone(s.set.chains), func(chain identity.Chain) bool {
		return chain.Leaf().Equal(id.Leaf())
	})
	return nil
}
