package seccomp

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// program describes a thread's program for the policy. What cannot be read
// stays empty and matches no profile.
func (g *Gate) program(thread int) policy.Program {
	p := policy.Program{Exe: target.Executable(thread), Script: target.Script(thread), Cgroup: target.Cgroup(thread)}
	if status, err := target.ReadStatus(thread); err == nil {
		p.UID, p.GID = status.UIDs[1], status.GIDs[1]
		for _, group := range status.Groups {
			p.Groups = append(p.Groups, uint32(group))
		}
	}
	return p
}

// Executable is the path of the file the program executes.
func (c *call) Executable() string { return target.Executable(c.Call.Thread) }

// maxAncestors bounds the walk from a process to its ancestors.
const maxAncestors = 64

// Process is the id of the calling thread's process.
func (c *call) Process() int {
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
	at := c.Call.Thread
	for range maxAncestors {
		status, err := target.ReadStatus(at)
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
