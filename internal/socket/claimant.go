package socket

import (
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// claimant is a program as an engine in another claimant is told of it.
type claimant struct {
	engine.ProgramClaim
	pidfd *sys.FD
}

// claimantOf finds out what the engine has to be told of the calling program.
// The result must be closed.
func (t *Table) claimantOf(c Caller) (claimant, error) {
	if !t.cfg.NamePrograms {
		return claimant{}, nil
	}
	pidfd, err := c.OpenProcess()
	if err != nil {
		return claimant{}, err
	}
	path, file := c.Executable()
	return claimant{engine.ProgramClaim{Process: pidfd, Exe: path, File: file}, pidfd}, nil
}

func (p *claimant) close() { p.pidfd.Close() }
