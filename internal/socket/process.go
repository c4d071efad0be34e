package socket

import (
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// process is a program as an engine in another process is told of it.
type process struct {
	engine.ProgramClaim
	pidfd *sys.FD
}

// programOf finds out what the engine has to be told of the calling program.
// The result must be closed.
func (t *Table) programOf(c Caller) (process, error) {
	if !t.cfg.NamePrograms {
		return process{}, nil
	}
	pidfd, err := c.OpenProcess()
	if err != nil {
		return process{}, err
	}
	path, file := c.Executable()
	return process{engine.ProgramClaim{Process: pidfd, Exe: path, File: file}, pidfd}, nil
}

func (p *process) close() { p.pidfd.Close() }
