package policy

import (
	"strconv"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
)

// Sharing says which programs share sessions.
type Sharing uint8

// Who shares sessions, always within one profile.
const (
	SharedByProfile Sharing = iota // all programs of the profile
	SharedByUser                   // those of one user
	SharedByProgram                // those of one user and executable (and script)
)

// Sharers names those who share sessions with a program, beyond its profile.
// Programs with the same text do. It is never empty.
func (e *Effective) Sharers(program subject.Program) string {
	switch e.SharedBy {
	case SharedByProfile:
		return "profile"
	case SharedByUser:
		return "user " + strconv.FormatUint(uint64(program.UID), 10)
	default:
		return "program " + strconv.FormatUint(uint64(program.UID), 10) + " " +
			strconv.Quote(program.Exe) + " " + strconv.Quote(program.Script)
	}
}
