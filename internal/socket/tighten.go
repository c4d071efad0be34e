package socket

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// baseLocked is the administrator's policy for the program, the one of when the
// socket was made. The program is looked at when the socket is first used.
func (s *Socket) baseLocked(c Caller) *policy.Effective {
	if s.base == nil {
		base, err := s.table.policyFor(s.rules, c)
		if err != nil { // the service refuses what matters; it may answer next time
			s.table.cfg.Log.Warn(err.Error(), "id", s.id, "program", c.String())
			s.effective = base
			return base
		}
		s.base, s.effective = base, base
	}
	return s.base
}

// effectiveLocked is the policy tightened by the program.
func (s *Socket) effectiveLocked(c Caller) *policy.Effective {
	s.baseLocked(c)
	return s.effective
}

// tightenLocked changes what the program asks of the policy; on error nothing
// has changed.
func (s *Socket) tightenLocked(c Caller, option abi.Option, change func(*policy.ProgramSettings)) error {
	base := s.baseLocked(c)
	if err := base.MayUse(option); err != nil {
		return s.weakerLocked(c, err)
	}
	asked := s.set.asked
	change(&asked)
	effective, err := policy.Tighten(base, asked)
	if err != nil {
		return s.weakerLocked(c, err)
	}
	s.set.asked, s.effective = asked, effective
	return nil
}

// weakerLocked turns a refusal of the policy into EPERM, and tells who has to know of it.
func (s *Socket) weakerLocked(c Caller, err error) error {
	var weaker *policy.Weaker
	if !errors.As(err, &weaker) {
		return fail(abi.EINVAL, "%v", err)
	}
	s.table.denied(c, engine.Denial{ID: s.id, Server: s.set.asked.Server, Name: s.set.remoteName}, err)
	return fail(abi.EPERM, "%v", err)
}

// intOption decodes a C int. It may be given with more bytes, as to TCP; those
// are not looked at.
func intOption(info abi.OptionInfo, value []byte) (int32, error) {
	if len(value) < 4 {
		return 0, fail(abi.EINVAL, "%s: the value is an int of 4 bytes, not of %d", info.Name, len(value))
	}
	return int32(binary.NativeEndian.Uint32(value)), nil
}

// setInt makes a setter of an option with an int value; check returns the
// change, or why the value is none.
func setInt(check func(v int32) (func(*policy.ProgramSettings), string)) setter {
	return func(s *Socket, c Caller, info abi.OptionInfo, value []byte) error {
		v, err := intOption(info, value)
		if err != nil {
			return err
		}
		change, wrong := check(v)
		if wrong != "" {
			return fail(abi.EINVAL, "%s: %d %s", info.Name, v, wrong)
		}
		return s.tightenLocked(c, info.Option, change)
	}
}

// setBool makes a setter of an option that is 0 or 1.
func setBool(field func(*policy.ProgramSettings) **bool) setter {
	return setInt(func(v int32) (func(*policy.ProgramSettings), string) {
		if v != 0 && v != 1 {
			return nil, "is neither 0 nor 1"
		}
		on := v == 1
		return func(p *policy.ProgramSettings) { *field(p) = &on }, ""
	})
}

func setVersion(field func(*policy.ProgramSettings) *uint16) setter {
	return setInt(func(v int32) (func(*policy.ProgramSettings), string) {
		if v != 0x0303 && v != 0x0304 {
			return nil, "is no version: 0x0303 is TLS 1.2, 0x0304 TLS 1.3"
		}
		return func(p *policy.ProgramSettings) { *field(p) = uint16(v) }, ""
	})
}

func setTTL() setter {
	return setInt(func(v int32) (func(*policy.ProgramSettings), string) {
		if v < 0 {
			return nil, "is no number of seconds"
		}
		ttl := time.Duration(v) * time.Second
		return func(p *policy.ProgramSettings) { p.SessionTTL = &ttl }, ""
	})
}

func setPeerAuth() setter {
	return setInt(func(v int32) (func(*policy.ProgramSettings), string) {
		auth, ok := policy.ParseClientAuth(v)
		if !ok {
			return nil, "is none of 0 (no), 1 (required) and 2 (asked for)"
		}
		return func(p *policy.ProgramSettings) { p.PeerAuth = &auth }, ""
	})
}

// setCipher makes a setter of an option that names one suite.
func setCipher(change func(*policy.ProgramSettings, uint16)) setter {
	return func(s *Socket, c Caller, info abi.OptionInfo, value []byte) error {
		suite, err := policy.ParseSuite(string(value))
		if err != nil {
			return fail(abi.EINVAL, "%s: %v", info.Name, err)
		}
		return s.tightenLocked(c, info.Option, func(p *policy.ProgramSettings) { change(p, suite.ID) })
	}
}

func setTrustedCiphers(s *Socket, c Caller, info abi.OptionInfo, value []byte) error {
	var ids []uint16
	for name := range strings.SplitSeq(string(value), ":") {
		suite, err := policy.ParseSuite(name)
		if err != nil {
			return fail(abi.EINVAL, "%s: %v", info.Name, err)
		}
		if !slices.Contains(ids, suite.ID) {
			ids = append(ids, suite.ID)
		}
	}
	return s.tightenLocked(c, info.Option, func(p *policy.ProgramSettings) { p.TrustedCiphers = ids })
}

// suitesText lists the suites a socket may use, as TLS_TRUSTED_CIPHERS has them.
func suitesText(e *policy.Effective) string {
	var names []string
	for _, list := range [][]uint16{e.CipherSuites13, e.CipherSuites} {
		for _, id := range list {
			names = append(names, policy.SuiteName(id))
		}
	}
	return strings.Join(names, ":")
}

// sharersLocked names those who share sessions with the program. Looking at
// the program is saved where a whole profile shares.
func (s *Socket) sharersLocked(c Caller) string {
	e := s.effectiveLocked(c)
	if e.SharedBy == policy.SharedByProfile || s.table.cfg.NamePrograms { // the service finds out by itself
		return e.Sharers(policy.Program{})
	}
	return e.Sharers(c.Program())
}
