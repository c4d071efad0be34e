package program

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Identifier describes programs that this process may look at: those of its own
// user, all for root (PTRACE_MODE_READ_FSCREDS of ptrace(2)).
type Identifier struct {
	root  root
	own   Namespace // of users
	hold  bool
	held  held
	rules atomic.Pointer[Rules] // nil before SetPolicy
}

// Config is what an Identifier works with.
type Config struct {
	// Host says that paths are those of the machine's first process, where this
	// one may look at its mounts: a service answers for the whole machine.
	// Otherwise they are this process's own.
	Host bool
	// Hold says that files of executables that the policy names are held open.
	Hold bool
}

// New makes an Identifier. It keeps the mounts of this moment.
func New(cfg Config) (*Identifier, error) {
	r, err := openRoot(cfg.Host)
	if err != nil {
		return nil, err
	}
	own, err := OwnNamespace()
	if err != nil {
		r.Close()
		return nil, err
	}
	return &Identifier{root: r, own: own, hold: cfg.Hold}, nil
}

// Close releases what the Identifier holds.
func (i *Identifier) Close() {
	i.held.close()
	i.root.Close()
}

// Rules are what has to be known of the policy to identify programs.
type Rules interface {
	// Executables are the files that a profile names.
	Executables() []string
	// TellsScripts reports whether it matters which script a program is.
	TellsScripts() bool
	// TellsScript reports whether it matters that a program is this one.
	TellsScript(path string) bool
}

// ErrEnding is the error of who can identify no more, since the service ends.
var ErrEnding = errors.New("the service is ending")

// SetPolicy says what is to be found out from now on: scripts only where a
// profile is for one.
func (i *Identifier) SetPolicy(p Rules) {
	if i.hold {
		i.held.set(i.root, p.Executables())
	}
	i.rules.Store(&p)
}

// Identify describes the process of a pidfd. It is an error when it has ended.
func (i *Identifier) Identify(pidfd *sys.FD) (Process, error) {
	p, err := i.Credentials(pidfd)
	if err == nil {
		err = i.Executable(pidfd, &p)
	}
	if err != nil {
		return Process{}, err
	}
	return p, nil
}

// Credentials is the first half of Identify: as whom the process runs. It waits for nothing.
func (i *Identifier) Credentials(pidfd *sys.FD) (Process, error) {
	pid, err := pidOf(pidfd)
	if err != nil {
		return Process{}, err
	}
	p, err := i.who(pid)
	return p, sure(pid, pidfd, err)
}

// Executable is the second half of Identify: what the process executes. As whom it runs is
// looked at again, since the two belong together.
func (i *Identifier) Executable(pidfd *sys.FD, p *Process) (err error) {
	again, err := i.Thread(p.PID)
	if err = sure(p.PID, pidfd, err); err == nil {
		*p = again
	}
	return err
}

// sure makes sure that a process that was looked at had not ended: its number
// may be another's.
func sure(pid int, pidfd *sys.FD, err error) error {
	if sys.Ended(pidfd) {
		err = errEnded
	}
	if err != nil {
		return fmt.Errorf("looking at process %d: %w", pid, err)
	}
	return nil
}

func (i *Identifier) who(thread int) (Process, error) {
	status, err := ReadStatus(thread)
	if err != nil {
		return Process{}, err
	}
	p := Process{PID: status.Process, UIDs: status.UIDs, GIDs: status.GIDs}
	p.UID, p.GID, p.Groups = status.UIDs[1], status.GIDs[1], status.Groups
	p.Nested, p.Owner, err = i.own.above(thread)
	return p, err
}

// Thread describes the program of a thread. Whoever asks makes sure afterwards
// that the thread has neither ended nor begun to execute something else.
func (i *Identifier) Thread(thread int) (Process, error) {
	p, err := i.settled(thread)
	if err != nil {
		return Process{}, err
	}
	p.Cgroup = Cgroup(thread)
	if rules := i.rules.Load(); rules != nil && (*rules).TellsScripts() &&
		strings.HasPrefix(p.Exe, "/") {
		if script := scriptOf(thread, i.root); (*rules).TellsScript(script) {
			p.Script = script
		}
	}
	return p, nil
}

// settled finds out what a thread executes and as whom. Executing a file and
// becoming its user are one step for the kernel, and must not be seen half.
func (i *Identifier) settled(thread int) (Process, error) {
	for range tries {
		exe, file, err := i.findExecutable(thread)
		if err != nil {
			return Process{}, err
		}
		p, err := i.who(thread)
		if err != nil {
			return Process{}, err
		}
		p.Exe, p.File = exe, file
		if now, err := ExecutableOf(thread); err == nil && now.File == file {
			return p, nil
		}
	}
	return Process{}, errors.New("it executes one file after another")
}

// findExecutable returns the proven path of what a thread executes, and what file
// it is.
func (i *Identifier) findExecutable(thread int) (string, FileID, error) {
	fd, e, err := openExecutable(thread)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
		return "", "", errEnded
	case err != nil:
		return "", "", fmt.Errorf("finding its executable: %w", err)
	}
	defer fd.Close()
	if e.File == "" {
		return Elsewhere + e.Path, "", nil
	}
	if there, err := i.root.executable(e.Path); err == nil {
		if id, err := idOf(there.Int()); err == nil && id == e.File {
			i.held.add(e.Path, there)
			return e.Path, e.File, nil
		}
		there.Close()
	}
	// It was replaced while it runs, or is where the kernel has to ask for it.
	if path := strings.TrimSuffix(e.Path, deleted); i.held.has(path, e.File) {
		return path, e.File, nil
	}
	return Elsewhere + e.Path, e.File, nil
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
	return 0, errors.New("the descriptor is not a pidfd")
}
