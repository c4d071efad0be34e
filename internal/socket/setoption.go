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
	if err := CheckSettable(option); err != nil {
		return err
	}
	info, _ := abi.LookupOption(option)
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
	if set, own := setters[option]; own {
		err = set(s, c, info, value)
	} else {
		err = setAsked(s, c, info, value)
	}
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
	switch errno := info.Set.In(s.phaseLocked()); errno {
	case 0:
	case abi.EISCONN:
		return fail(errno, "%s must be set before connect", info.Name)
	case abi.EINVAL:
		return fail(errno, "%s must be set before listen", info.Name)
	default:
		return fail(errno, "%s cannot be set", info.Name)
	}
	if err := s.baseLocked(c).MayUse(info.Option); err != nil {
		return s.weakerLocked(c, err)
	}
	return nil
}

// phaseLocked is the state of the socket in the words of the contract's table.
func (s *Socket) phaseLocked() abi.Phase {
	switch s.State() {
	case Connecting:
		return abi.InConnect
	case Connected, Ended:
		return abi.InUse
	case Listening:
		return abi.InListen
	}
	return abi.InFresh
}

// setters are for options that do more than tighten the policy, or other
// things: the others have setAsked. They are called when the contract's table
// says that the option may be set now; s.mu is held.
var setters = map[abi.Option]setter{
	abi.RemoteHostname:          setRemoteHostname,
	abi.Hostname:                setHostname,
	abi.TrustedPeerCertificates: setRoots,
	abi.CertificateChain:        setChain,
	abi.PrivateKey:              setKey,
	abi.Context:                 setContext,
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
	if info, ok := abi.LookupOption(option); !ok || info.Set == abi.Never {
		return fail(abi.ENOPROTOOPT, "%s is not an option that can be set", option)
	}
	return nil
}
