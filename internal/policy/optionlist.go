package policy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/abi"
)

// optionList writes settings as the socket options that made them, each the
// number of the option, 4 bytes, big endian, and its value as setsockopt(2) has
// it on a big endian machine.
type optionList [][]byte

func (l *optionList) add(option abi.Option, value []byte) {
	*l = append(*l, append(binary.BigEndian.AppendUint32(nil, uint32(option)), value...))
}

func (l *optionList) number(option abi.Option, value uint32) {
	l.add(option, binary.BigEndian.AppendUint32(nil, value))
}

func (l *optionList) flag(option abi.Option, value *bool) {
	switch {
	case value == nil:
	case *value:
		l.number(option, 1)
	default:
		l.number(option, 0)
	}
}

// flags lists the settings that are 0 or 1.
func (s *ProgramSettings) flags() map[abi.Option]**bool {
	return map[abi.Option]**bool{
		abi.SessionReuse: &s.SessionReuse, abi.RevocationChecks: &s.RevocationChecks, abi.OCSPStapledChecks: &s.OCSPStapledChecks,
		abi.OCSPChecks: &s.OCSPChecks, abi.CRLChecks: &s.CRLChecks, abi.CachedRevChecks: &s.CachedRevChecks, abi.ServerOCSPStapling: &s.OCSPStapling,
	}
}

// Options returns the settings as a list of options, for the protocol of the
// service. Server, ALPN and Roots are not in it: the requests there have them.
func (s *ProgramSettings) Options() [][]byte {
	var l optionList
	if s.VersionMin != 0 {
		l.number(abi.VersionMin, uint32(s.VersionMin))
	}
	if s.VersionMax != 0 {
		l.number(abi.VersionMax, uint32(s.VersionMax))
	}
	if s.TrustedCiphers != nil {
		var names []string
		for _, id := range s.TrustedCiphers {
			names = append(names, SuiteName(id))
		}
		l.add(abi.TrustedCiphers, []byte(strings.Join(names, ":")))
	}
	for _, id := range s.disabled {
		l.add(abi.DisableCipher, []byte(SuiteName(id)))
	}
	for _, id := range s.enabled {
		l.add(abi.EnableCipher, []byte(SuiteName(id)))
	}
	if s.SessionTTL != nil {
		l.number(abi.SessionTTL, uint32(*s.SessionTTL/time.Second))
	}
	if s.PeerAuth != nil {
		l.number(abi.RequestPeerAuth, uint32(s.PeerAuth.OptionValue()))
	}
	for _, rule := range Rules() { // in a fixed order
		if value, ok := s.flags()[rule.Option]; ok {
			l.flag(rule.Option, *value)
		}
	}
	return l
}

// ParseOptions reads a list that Options made, or anybody else. Later options
// change what earlier ones have set, as with setsockopt(2).
func ParseOptions(list [][]byte) (ProgramSettings, error) {
	var s ProgramSettings
	if len(list) > maxOptions {
		return s, fmt.Errorf("there are more than %d options", maxOptions)
	}
	for _, item := range list {
		if len(item) < 4 {
			return ProgramSettings{}, errors.New("an option is cut short")
		}
		option := abi.Option(binary.BigEndian.Uint32(item))
		if err := s.parseOption(option, item[4:]); err != nil {
			return ProgramSettings{}, fmt.Errorf("%v: %w", option, err)
		}
	}
	return s, nil
}

// maxOptions bounds a list of options.
const maxOptions = 256

func (s *ProgramSettings) parseOption(option abi.Option, value []byte) error {
	switch option {
	case abi.TrustedCiphers, abi.DisableCipher, abi.EnableCipher:
		return s.parseCiphers(option, string(value))
	}
	if len(value) != 4 {
		return fmt.Errorf("the value is a number of 4 bytes, not %d bytes", len(value))
	}
	number := binary.BigEndian.Uint32(value)
	if flag, ok := s.flags()[option]; ok {
		if number > 1 {
			return fmt.Errorf("%d is neither 0 nor 1", number)
		}
		on := number == 1
		*flag = &on
		return nil
	}
	return s.parseNumber(option, number)
}

func (s *ProgramSettings) parseNumber(option abi.Option, number uint32) error {
	switch option {
	case abi.VersionMin, abi.VersionMax:
		if number > 0xffff || !slices.Contains(versionValues, uint16(number)) {
			return fmt.Errorf("0x%04x is no version", number)
		}
		if option == abi.VersionMin {
			s.VersionMin = uint16(number)
		} else {
			s.VersionMax = uint16(number)
		}
	case abi.SessionTTL:
		if number > 1<<31-1 {
			return fmt.Errorf("%d is no number of seconds", number)
		}
		ttl := time.Duration(number) * time.Second
		s.SessionTTL = &ttl
	case abi.RequestPeerAuth:
		auth, ok := ParseClientAuth(int32(number))
		if !ok {
			return fmt.Errorf("%d is none of 0, 1 and 2", number)
		}
		s.PeerAuth = &auth
	default:
		return errors.New("is no setting that the policy is tightened by")
	}
	return nil
}

func (s *ProgramSettings) parseCiphers(option abi.Option, value string) error {
	var ids []uint16
	if value != "" {
		for name := range strings.SplitSeq(value, ":") {
			suite, err := ParseSuite(name)
			if err != nil {
				return err
			}
			if !slices.Contains(ids, suite.ID) {
				ids = append(ids, suite.ID)
			}
		}
	}
	switch {
	case option == abi.TrustedCiphers:
		s.TrustedCiphers = append([]uint16{}, ids...)
	case len(ids) != 1:
		return fmt.Errorf("the value names %d suites, not one", len(ids))
	case option == abi.DisableCipher:
		s.DisableCipher(ids[0])
	default:
		s.EnableCipher(ids[0])
	}
	return nil
}
