package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// serviceProbes are about `ssa daemon`, which nobody needs to have.
type serviceProbes struct{ cfg Config }

func (s *serviceProbes) area() area {
	return area{"the service: ssa daemon", []probe{
		{"its folder and socket", "", false, s.socket},
		{"its answer", "", false, s.answer},
	}, s.walls}
}

const noService = "no service: ssa run does TLS itself"

// socket looks whether anybody but root could put another socket there.
func (s *serviceProbes) socket(context.Context) outcome {
	st, err := os.Lstat(s.cfg.ServicePath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return note(noService, "")
	case err != nil:
		return fails(err.Error(), "")
	case st.Mode().Type() != fs.ModeSocket:
		return fails(s.cfg.ServicePath+" is not a socket", "remove it and start the service again")
	case st.Mode().Perm()&0o222 != 0o222:
		return fails(fmt.Sprintf("%s has mode %#o: programs of some users may not connect", s.cfg.ServicePath, st.Mode().Perm()), "chmod 666 "+s.cfg.ServicePath)
	}
	for dir := filepath.Dir(s.cfg.ServicePath); ; dir = filepath.Dir(dir) {
		if why := loose(dir); why != "" {
			return fails(why+": others could put a socket of theirs there", "chown root and chmod 755 that folder")
		}
		if dir == filepath.Dir(dir) {
			return works("")
		}
	}
}

// loose says why a folder is not the administrator's alone, "" when it is.
func loose(dir string) string {
	st, err := os.Stat(dir)
	if err != nil {
		return err.Error()
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return "the owner of " + dir + " cannot be seen"
	case owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		return fmt.Sprintf("%s belongs to user %d", dir, owner.Uid)
	case st.Mode().Perm()&0o022 != 0 && st.Mode()&fs.ModeSticky == 0:
		return fmt.Sprintf("%s has mode %#o", dir, st.Mode().Perm())
	}
	return ""
}

func (s *serviceProbes) answer(ctx context.Context) outcome {
	if _, err := os.Lstat(s.cfg.ServicePath); errors.Is(err, fs.ErrNotExist) {
		return note(noService, "systemctl enable --now ssa.socket, or ssa daemon")
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	who, err := s.cfg.Service(ctx, s.cfg.ServicePath)
	if err != nil {
		return fails(err.Error(), "`systemctl status ssa` and `journalctl -u ssa` may say why; ssa run does TLS itself meanwhile, unless --engine service is given")
	}
	return works(who)
}
