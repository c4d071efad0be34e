package service

import (
	"errors"
	"fmt"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Process is a program as the kernel describes it.
type Process struct {
	policy.Program
	PID int
	// UIDs are its real, effective, saved and file system user.
	UIDs [4]uint32
}

// Looker describes the process of a pidfd. It is an error when the process has
// ended: what /proc says may be of another one with the same id then.
type Looker interface {
	Look(pidfd *sys.FD) (Process, error)
}

// ErrEnding is the error of a Looker that can look no more, since the service
// ends.
var ErrEnding = errors.New("the service is ending")

// mayAct reports whether a caller's user may act for a process: root for all,
// others for those that are theirs in every way.
func mayAct(uid uint32, p *Process) error {
	if uid == 0 {
		return nil
	}
	for _, theirs := range p.UIDs {
		if theirs != uid {
			return fmt.Errorf("process %d runs as user %d, and the caller is user %d: it can speak for its own user only", p.PID, theirs, uid)
		}
	}
	return nil
}
