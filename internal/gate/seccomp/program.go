package seccomp

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Program describes the program for the policy. What cannot be read stays empty
// and matches no profile, as what a thread was that does not wait any more:
// another thread of its process may have executed something else meanwhile.
func (c *call) Program() subject.Program {
	turn, err := c.enter()
	if err != nil {
		return subject.Program{}
	}
	defer turn.Leave()
	p, err := c.gate.cfg.Programs.Thread(c.Call.Thread)
	if err != nil || !c.Waiting() {
		return subject.Program{}
	}
	return p.Program
}

// Executable is what the program executes, as its own mounts have it.
func (c *call) Executable() (path, file string) {
	turn, err := c.enter()
	if err != nil {
		return "?", ""
	}
	defer turn.Leave()
	e, err := program.ExecutableOf(c.Call.Thread)
	if err != nil || !c.Waiting() {
		return "?", ""
	}
	return e.Path, string(e.File)
}

// name is the last part of the executable's path, for messages.
func (c *call) name() string {
	e, err := program.ExecutableOf(c.Call.Thread)
	if err != nil {
		return "?"
	}
	return filepath.Base(e.Path)
}

// maxAncestors bounds the walk from a process to its ancestors.
const maxAncestors = 64

// Process is the id of the calling thread's process.
func (c *call) Process() int {
	turn, err := c.enter()
	if err != nil {
		return 0
	}
	defer turn.Leave()
	process, err := c.gate.handles.Process(c.Call.Thread)
	if err != nil {
		return 0
	}
	return process
}

// OpenProcess returns a pidfd of the calling thread's process. The thread waits
// for its answer, so it is that of no later process with the same id.
func (c *call) OpenProcess() (*sys.FD, error) {
	process := c.Process()
	n, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a pidfd of process %d: %w", process, err)
	}
	pidfd := sys.Own(n)
	if !c.Waiting() {
		pidfd.Close()
		return nil, notify.ErrGone
	}
	return pidfd, nil
}

// DescendsFrom walks from the calling process to its ancestors.
func (c *call) DescendsFrom(process int) bool {
	turn, err := c.enter()
	if err != nil {
		return false
	}
	defer turn.Leave()
	at := c.Call.Thread
	for range maxAncestors {
		status, err := program.ReadStatus(at)
		if err != nil || status.Process <= 1 {
			return false
		}
		if status.Process == process {
			return true
		}
		at = status.Parent
	}
	return false
}

// maxUnseen bounds the processes that are remembered.
const maxUnseen = 64

// tellUnseen tells once of each process that cannot be looked at.
func (g *Gate) tellUnseen(c *call) {
	owner, err := c.Owner()
	if err != nil {
		return
	}
	g.mu.Lock()
	told := g.unseen[owner.Process]
	if g.unseen == nil || len(g.unseen) >= maxUnseen {
		g.unseen = map[int]bool{}
	}
	g.unseen[owner.Process] = true
	g.mu.Unlock()
	if !told {
		g.cfg.Log.Warn(fmt.Sprintf("%s[%d] is not dumpable (prctl(2), PR_SET_DUMPABLE; or its file is not readable): only root (CAP_SYS_PTRACE) "+
			"may look at its descriptors and memory, so it can have no TLS sockets", target.Name(c.Call.Thread), owner.Process))
	}
}
