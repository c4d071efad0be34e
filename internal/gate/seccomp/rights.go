package seccomp

import (
	"errors"
	"io/fs"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/socket"
)

// Rights returns the program's rights.
func (c *call) Rights() (socket.Rights, error) {
	turn, err := c.enter()
	if err != nil {
		return nil, err
	}
	r, err := c.rights()
	turn.Leave()
	if errors.Is(err, fs.ErrPermission) {
		c.gate.tellUnseen(c)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// rights looks at the rights of the thread and then makes sure that they are
// those the call was made with: a thread that does not wait any more may execute
// a set-user-ID program by now, and another process may have its number.
func (c *call) rights() (*target.Rights, error) {
	r, err := c.gate.cfg.Own.Rights(c.Call.Thread)
	if err != nil {
		return nil, err
	}
	if err := c.still(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// still is an error when the call does not wait any more.
func (c *call) still() error {
	if !c.Waiting() {
		return notify.ErrGone
	}
	return nil
}

// ReadFile reads a file, or the files of a folder, as the program could.
func (c *call) ReadFile(path string) (files [][]byte, folder bool, err error) {
	turn, err := c.enter()
	if err != nil {
		return nil, false, err
	}
	defer turn.Leave()
	r, err := c.rights()
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	return c.gate.handles.ReadFile(c.Call.Thread, r, path, c.still)
}
