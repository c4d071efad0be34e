package socket

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// MaxOption is how many bytes an option's value may have: PEM text of a long
// chain fits.
const MaxOption = 1 << 20

// SetTLSOption is setsockopt(2) at level IPPROTO_TLS.
func (s *Socket) SetTLSOption(c Caller, option abi.Option, value []byte) error {
	info, ok := abi.LookupOption(option)
	set := setters[option]
	if !ok || set == nil {
		return abi.ENOPROTOOPT
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.maySetLocked(c, info); err != nil {
		return s.noteLocked(err)
	}
	var err error
	switch info.Kind {
	case abi.String:
		value, err = textValue(info, value)
	case abi.PEMOrPath:
		// A file may take its time, and others must not wait for it.
		s.mu.Unlock()
		value, err = pemValue(c, info, value)
		s.mu.Lock()
		if err == nil {
			err = s.maySetLocked(c, info)
		}
	}
	if err != nil {
		return s.noteLocked(err)
	}
	err = set(s, c, info, value)
	if err == nil {
		snapshot := s.set
		s.shared.Store(&snapshot)
	}
	return s.noteLocked(err)
}

// maySetLocked tells whether an option may be set at this moment.
func (s *Socket) maySetLocked(c Caller, info abi.OptionInfo) error {
	switch s.state {
	case Connected, Connecting:
		return fail(abi.EISCONN, "%s must be set before connect", info.Name)
	case Listening:
		return fail(abi.EINVAL, "%s must be set before listen", info.Name)
	}
	if err := s.baseLocked(c).MayUse(info.Option); err != nil {
		return s.weakerLocked(c, err)
	}
	return nil
}

// setters change the settings of a socket that is neither connected nor
// listening; s.mu is held.
var setters = map[abi.Option]setter{
	abi.RemoteHostname:          setRemoteHostname,
	abi.Hostname:                setHostname,
	abi.TrustedPeerCertificates: setRoots,
	abi.CertificateChain:        setChain,
	abi.PrivateKey:              setKey,
	abi.ALPN:                    setALPN,
	abi.SessionTTL:              setTTL(),
	abi.DisableCipher:           setCipher((*policy.ProgramSettings).DisableCipher),
	abi.EnableCipher:            setCipher((*policy.ProgramSettings).EnableCipher),
	abi.TrustedCiphers:          setTrustedCiphers,
	abi.RequestPeerAuth:         setPeerAuth(),
	abi.Context:                 setContext,
	abi.SessionReuse:            setBool(func(p *policy.ProgramSettings) **bool { return &p.SessionReuse }),
	abi.RevocationChecks:        setBool(func(p *policy.ProgramSettings) **bool { return &p.RevocationChecks }),
	abi.OCSPStapledChecks:       setBool(func(p *policy.ProgramSettings) **bool { return &p.OCSPStapledChecks }),
	abi.OCSPChecks:              setBool(func(p *policy.ProgramSettings) **bool { return &p.OCSPChecks }),
	abi.CRLChecks:               setBool(func(p *policy.ProgramSettings) **bool { return &p.CRLChecks }),
	abi.CachedRevChecks:         setBool(func(p *policy.ProgramSettings) **bool { return &p.CachedRevChecks }),
	abi.VersionMin:              setVersion(func(p *policy.ProgramSettings) *uint16 { return &p.VersionMin }),
	abi.VersionMax:              setVersion(func(p *policy.ProgramSettings) *uint16 { return &p.VersionMax }),
}

// setter checks a value and changes the socket; s.mu is held.
type setter func(s *Socket, c Caller, info abi.OptionInfo, value []byte) error

// textValue takes one NUL off the end.
func textValue(info abi.OptionInfo, value []byte) ([]byte, error) {
	value = bytes.TrimSuffix(value, []byte{0})
	if bytes.IndexByte(value, 0) >= 0 {
		return nil, fail(abi.EINVAL, "%s: the value has a NUL inside", info.Name)
	}
	return value, nil
}

func setRemoteHostname(s *Socket, _ Caller, info abi.OptionInfo, value []byte) error {
	if !abi.ValidHostname(string(value)) {
		return fail(abi.EINVAL, "%s: %q is no host name or address", info.Name, value)
	}
	s.set.remoteName = string(value)
	return nil
}

func setHostname(s *Socket, _ Caller, info abi.OptionInfo, value []byte) error {
	if !abi.ValidHostname(string(value)) {
		return fail(abi.EINVAL, "%s: %q is no host name or address", info.Name, value)
	}
	s.set.hostname = string(value)
	return nil
}

func setALPN(s *Socket, c Caller, info abi.OptionInfo, value []byte) error {
	var protocols []string
	if len(value) > 0 {
		protocols = strings.Split(string(value), ",")
	}
	for _, p := range protocols {
		if p == "" || len(p) > 255 { // RFC 7301, section 3.1
			return fail(abi.EINVAL, "%s: a protocol has 1 to 255 bytes, and %q has %d", info.Name, p, len(p))
		}
	}
	if err := s.tightenLocked(c, info.Option, func(p *policy.ProgramSettings) { p.ALPN = protocols }); err != nil {
		return err
	}
	s.set.alpn = protocols
	return nil
}

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
	content, err := c.ReadFile(path)
	if err != nil {
		return nil, fail(fileErrno(err), "%s: reading %s: %v", info.Name, path, err)
	}
	return content, nil
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

func setRoots(s *Socket, c Caller, info abi.OptionInfo, content []byte) error {
	roots, err := identity.ParseRoots(content)
	if err != nil {
		return fail(abi.EINVAL, "%s: %v", info.Name, err)
	}
	if err := s.tightenLocked(c, info.Option, func(p *policy.ProgramSettings) { p.Roots = true }); err != nil {
		return err
	}
	if err := s.holdLocked(info, len(content)); err != nil {
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

// SetOption is setsockopt(2) at another level: it reaches the real TCP socket,
// except what belongs to the program's own descriptor.
func (s *Socket) SetOption(c Caller, level, name int, value []byte) error {
	if level == unix.SOL_SOCKET && (name == unix.SO_SNDBUF || name == unix.SO_SNDBUFFORCE) {
		return s.setSendBuffer(c, name, value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rights, err := c.Rights()
	if err != nil {
		return err
	}
	defer rights.Close()
	if virtualOption(level, name) {
		if len(value) < 4 {
			return abi.EINVAL
		}
		s.rememberLocked(level, name, value)
		return nil
	}
	err = s.onTCPLocked(func(fd int) error {
		return rights.Do(func() error { return sysSetsockopt(fd, level, name, value) })
	})
	if err != nil {
		if errors.Is(err, errNoTCP) {
			err = nil
		} else {
			return err
		}
	}
	s.rememberLocked(level, name, value)
	return err
}

func (s *Socket) rememberLocked(level, name int, value []byte) {
	if level == unix.SOL_SOCKET && name == unix.SO_LINGER && len(value) >= 8 { // struct linger
		s.abortive.Store(nativeUint32(value) != 0 && nativeUint32(value[4:]) == 0)
	}
	s.options = slices.DeleteFunc(s.options, func(o tcpOption) bool { return o.level == level && o.name == name })
	if len(value) <= 256 && len(s.options) < 64 {
		s.options = append(s.options, tcpOption{level, name, slices.Clone(value)})
	}
}

func (s *Socket) setSendBuffer(c Caller, name int, value []byte) error {
	if len(value) < 4 {
		return abi.EINVAL
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int(int32(nativeUint32(value)))
	if s.state != Connecting {
		end, err := c.End()
		if err != nil {
			return err
		}
		defer end.Close()
		if err := sysSetsockopt(end.Int(), unix.SOL_SOCKET, name, value); err != nil {
			return err
		}
	}
	s.sendSize = max(size, 1)
	return nil
}

// CheckSettable tells whether a program may ever set an option: ENOPROTOOPT
// when there is none with this number, or it can only be asked for.
func CheckSettable(option abi.Option) error {
	if setters[option] == nil {
		return abi.ENOPROTOOPT
	}
	return nil
}
