package seccomp

import (
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// program describes a thread's program for the policy. What cannot be read
// stays empty and matches no profile.
func (g *Gate) program(thread int) policy.Program {
	p := policy.Program{Exe: target.Executable(thread)}
	if status, err := target.ReadStatus(thread); err == nil {
		p.UID, p.GID = status.UIDs[1], status.GIDs[1]
		for _, group := range status.Groups {
			p.Groups = append(p.Groups, uint32(group))
		}
	}
	return p
}
