// Package process finds out which program a process executes, and as whom:
// what a policy's profiles are matched with. It believes the kernel alone, and
// never changes anything of a process.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Looker describes processes that this one may look at: those of its own user,
// all for root (PTRACE_MODE_READ_FSCREDS of ptrace(2)).
type Looker struct{}

var _ service.Looker = Looker{}

// Look implements service.Looker.
func (Looker) Look(pidfd *sys.FD) (service.Process, error) {
	pid, err := pidOf(pidfd)
	if err != nil {
		return service.Process{}, err
	}
	p, err := describe(pid)
	if err == nil && sys.Ended(pidfd) {
		err = errEnded
	}
	if err != nil {
		return service.Process{}, fmt.Errorf("looking at process %d: %w", pid, err)
	}
	return p, nil
}

// maxInfo bounds what is read about a descriptor.
const maxInfo = 16 << 10

var errEnded = errors.New("it has ended")

// pidOf reads the process id of a pidfd from /proc/self/fdinfo, proc(5): -1
// when it has been reaped, 0 in another PID namespace.
func pidOf(pidfd *sys.FD) (int, error) {
	data, err := sys.ReadProc("/proc/self/fdinfo/"+strconv.Itoa(pidfd.Int()), maxInfo)
	if err != nil {
		return 0, fmt.Errorf("reading about a pidfd: %w", err)
	}
	for line := range bytes.Lines(data) {
		digits, ok := bytes.CutPrefix(line, []byte("Pid:"))
		if !ok {
			continue
		}
		pid, err := strconv.Atoi(string(bytes.TrimSpace(digits)))
		switch {
		case err != nil:
			return 0, fmt.Errorf("reading about a pidfd: %w", err)
		case pid < 0:
			return 0, errEnded
		case pid == 0:
			return 0, errors.New("the process is in a PID namespace that is not visible from here")
		}
		return pid, nil
	}
	return 0, errors.New("the descriptor is no pidfd")
}

func describe(pid int) (service.Process, error) {
	status, err := target.ReadStatus(pid)
	if err != nil {
		return service.Process{}, err
	}
	exe, err := executable(pid)
	if err != nil {
		return service.Process{}, err
	}
	p := service.Process{PID: pid, UIDs: status.UIDs}
	p.Exe, p.Cgroup = exe, target.Cgroup(pid)
	if !strings.HasPrefix(exe, elsewhere) {
		p.Script = target.Script(pid)
	}
	p.UID, p.GID = status.UIDs[1], status.GIDs[1]
	for _, group := range status.Groups {
		p.Groups = append(p.Groups, uint32(group))
	}
	return p, nil
}
