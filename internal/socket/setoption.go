package socket

import (
	"bytes"

	"github.com/secure-socket-api/ssa/abi"
)

// MaxOption is how many bytes an option's value may have: PEM text of a long
// chain fits.
const MaxOption = 1 << 20

// SetTLSOption is setsockopt(2) at level IPPROTO_TLS.
func (s *Socket) SetTLSOption(c Caller, option abi.Option, value []byte) error {
	info, ok := abi.LookupOption(option)
	set := setters[option]
	if !ok || set == nil {
		return CheckSettable(option)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.maySetLocked(c, info); err != nil {
		return err
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
		return err
	}
	err = set(s, c, info, value)
	if err == nil {
		s.shareLocked()
	}
	return err
}

// shareLocked shows the settings to sockets that take them by TLS_CONTEXT.
func (s *Socket) shareLocked() {
	snapshot := s.set
	s.shared.Store(&snapshot)
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
	abi.ALPN:                    setAsked,
	abi.Context:                 setContext,
	abi.SessionTTL:              setAsked,
	abi.DisableCipher:           setAsked,
	abi.EnableCipher:            setAsked,
	abi.TrustedCiphers:          setAsked,
	abi.RequestPeerAuth:         setAsked,
	abi.SessionReuse:            setAsked,
	abi.RevocationChecks:        setAsked,
	abi.OCSPStapledChecks:       setAsked,
	abi.OCSPChecks:              setAsked,
	abi.CRLChecks:               setAsked,
	abi.CachedRevChecks:         setAsked,
	abi.ServerOCSPStapling:      setAsked,
	abi.VersionMin:              setAsked,
	abi.VersionMax:              setAsked,
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

// CheckSettable tells whether a program may ever set an option: ENOPROTOOPT
// when there is none with this number, or it can only be asked for.
func CheckSettable(option abi.Option) error {
	if setters[option] == nil {
		return fail(abi.ENOPROTOOPT, "%s is no option that can be set", option)
	}
	return nil
}
