package socket

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
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

// tightenLocked makes asked, an option more than before, what the program asks
// of the policy; on error nothing has changed.
func (s *Socket) tightenLocked(c Caller, option abi.Option, asked policy.ProgramSettings) error {
	base := s.baseLocked(c)
	if err := base.MayUse(option); err != nil {
		return s.weakerLocked(c, err)
	}
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

// setAsked is the setter of all options that tighten the policy and do nothing
// else.
func setAsked(s *Socket, c Caller, info abi.OptionInfo, value []byte) error {
	asked := s.set.asked
	if err := asked.Set(info.Option, value, binary.NativeEndian); err != nil {
		return fail(abi.EINVAL, "%v", err)
	}
	return s.tightenLocked(c, info.Option, asked)
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
	// the service finds out by itself
	if e.SharedBy == policy.SharedByProfile || s.table.cfg.NamePrograms {
		return e.Sharers(subject.Program{})
	}
	return e.Sharers(c.Program())
}
