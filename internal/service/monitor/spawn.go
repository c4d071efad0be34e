package monitor

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/harden"
)

// Descriptors that a worker finds open, and those of Config.Inherit after them.
const (
	SocketFD    = 3 // to the monitor
	InheritedFD = 4
)

// Command says what a worker is.
type Command struct {
	// Args are those of this program's own executable, without its name.
	Args []string
	Env  []string
	// Credential is the user to become, nil to stay the same.
	Credential *syscall.Credential
	// Read are the paths that it may read.
	Read []string
	// Stderr is where it says what happens, nil for nowhere.
	Stderr *os.File
}

// self is this program's executable, also when its file has been replaced.
const self = "/proc/self/exe"

// worker is a started worker.
type worker struct {
	process *os.Process
	channel *channel
	ended   chan struct{} // closed when it has ended
	state   *os.ProcessState
	// confined is why it is not confined by Landlock, nil when it is.
	confined error
}

// start starts a worker with some more descriptors.
func (c *Command) start(inherit []*os.File) (*worker, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		ours.close()
		return nil, err
	}
	defer null.Close()
	cmd := exec.Command(self, c.Args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Env, null, null, null
	if c.Stderr != nil {
		cmd.Stderr = c.Stderr
	}
	cmd.ExtraFiles = append([]*os.File{theirs}, inherit...)
	// A process group of its own: what is typed at a terminal reaches the
	// monitor alone, which passes it on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.Credential, Pdeathsig: unix.SIGKILL,
		Setpgid: true}
	w := &worker{channel: ours, ended: make(chan struct{})}
	started := make(chan error)
	go w.run(cmd, harden.Paths{Read: c.Read, Execute: append(interpreter(), self)}, started)
	if err := <-started; err != nil {
		ours.close()
		return nil, fmt.Errorf("starting the worker: %w", err)
	}
	return w, nil
}

// run gives a thread's rights up and starts the worker there, so that it never
// had them; then it waits for its end. The goroutine ends locked, and the
// thread, which nothing else could use any more, with it. Were the thread to
// end sooner, so would the worker (PR_SET_PDEATHSIG(2const)).
func (w *worker) run(cmd *exec.Cmd, paths harden.Paths, started chan<- error) {
	runtime.LockOSThread()
	err := errors.Join(harden.NoNewPrivileges(), harden.NoInheritance())
	if err == nil {
		if _, err = harden.Confine(paths); errors.Is(err, harden.ErrNoLandlock) {
			w.confined, err = err, nil
		}
	}
	if err == nil {
		err = cmd.Start()
	}
	w.process = cmd.Process
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // the state says it all
	w.state = cmd.ProcessState
	close(w.ended)
}

// interpreter returns where the dynamic linker and libraries are, when this
// program is one that needs them.
func interpreter() []string {
	f, err := elf.Open(self)
	if err != nil {
		return nil
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64"}
		}
	}
	return nil
}
