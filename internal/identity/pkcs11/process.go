package pkcs11

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// The descriptors that ssa-pkcs11 finds its connections at.
const (
	OwnerFD = 3
	UserFD  = 4
)

// UserFlag tells ssa-pkcs11 that there is a user's connection. Before it on the
// command line is the number of the process.
const UserFlag = "--user"

// lastWord is how long a helper whose owner is gone may take to end.
const lastWord = 2 * time.Second

// longLived is how long a helper must have lived for its death not to count as
// one more in a row.
const longLived = time.Minute

// FindProgram finds ssa-pkcs11: beside the running program, or in the
// libexec/ssa folder beside that one's folder. It does not look anywhere that a
// user could choose, as PATH.
func FindProgram() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find ssa-pkcs11: %w", err)
	}
	dir := filepath.Dir(self)
	places := []string{filepath.Join(dir, "ssa-pkcs11"), filepath.Join(filepath.Dir(dir), "libexec",
		"ssa", "ssa-pkcs11")}
	for _, place := range places {
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() &&
			info.Mode().Perm()&0o111 != 0 {
			return place, nil
		}
	}
	return "", fmt.Errorf("keys on tokens need the program ssa-pkcs11, which is neither %s nor %s", places[0], places[1])
}

// startProcess starts the process with this number.
func (h *Helper) startProcess(number uint32) (*exec.Cmd, error) {
	program, err := h.config.Program, error(nil)
	if program == "" {
		program, err = FindProgram()
	}
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, strconv.FormatUint(uint64(number), 10))
	cmd.Env = h.config.Env
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{h.own.far}
	h.mu.Lock()
	defer h.mu.Unlock() // until the process has its copy of the user's end
	if h.shared != nil {
		cmd.Args = append(cmd.Args, UserFlag)
		cmd.ExtraFiles = append(cmd.ExtraFiles, h.shared.far)
	}
	// A session of its own: what a terminal sends is for the program.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: h.config.Credential}
	cmd.Stderr = &lines{log: h.config.Log, left: maxLines}
	cmd.WaitDelay = lastWord
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h.process = cmd.Process
	h.client.awaited()
	return cmd, nil
}

func (h *Helper) noProcess() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.process = nil
}

// supervise keeps a process running until the helper is closed.
func (h *Helper) supervise(cmd *exec.Cmd) {
	pause := h.config.FirstPause
	for number := uint32(1); ; {
		began := time.Now()
		why := h.await(cmd, number)
		if h.stopped() {
			return
		}
		if time.Since(began) > longLived {
			pause = h.config.FirstPause
		}
		cmd = nil
		if h.takeRenewed() { // which is no failure
			number++
			cmd, why = h.startProcess(number)
		}
		for cmd == nil {
			text := fmt.Sprintf("the process for keys on tokens (ssa-pkcs11) is not running: %v; it is started again in %v", why, pause)
			h.config.Log.Error(text)
			h.down(text)
			if !h.sleep(pause) {
				return
			}
			pause = min(2*pause, h.config.LongestPause)
			number++
			cmd, why = h.startProcess(number)
		}
	}
}

func (h *Helper) takeRenewed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.renewed
	h.renewed = false
	return was
}

// await waits for a process to end, having told it which keys it may open.
func (h *Helper) await(cmd *exec.Cmd, number uint32) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	told := make(chan struct{})
	gone := make(chan struct{})
	go func() {
		defer close(told)
		h.tell(cmd, number, gone)
	}()
	var err error
	select {
	case err = <-ended:
	case <-h.stop:
		err = h.end(cmd, ended)
	}
	h.noProcess()
	close(gone)
	h.down("the process for keys on tokens (ssa-pkcs11) has ended") // and so what tell waits for
	<-told
	cmd.Stderr.(*lines).flush()
	// Who reaps all its children, as ssa run does, may have been faster.
	if err == nil || errors.Is(err, syscall.ECHILD) {
		err = errors.New("it has ended")
	}
	return err
}

// end waits for a process whose connection was closed, but not for ever: its
// module may hang.
func (h *Helper) end(cmd *exec.Cmd, ended <-chan error) error {
	timer := time.NewTimer(lastWord)
	defer timer.Stop()
	// The client's end is closed by Close; this is the other that a user has.
	select {
	case err := <-ended:
		return err
	case <-timer.C:
	}
	_ = cmd.Process.Kill() // it has ended if this is an error
	return <-ended
}

// tell makes a new process what the one before it was. Only then others may ask
// it for anything: it would know none of their keys.
func (h *Helper) tell(cmd *exec.Cmd, number uint32, gone <-chan struct{}) {
	if h.client.waitGreeted(number, gone) != nil {
		return // who waits for it finds out
	}
	h.mu.Lock()
	keys := slices.Clone(h.allowed)
	h.mu.Unlock()
	for _, key := range keys {
		if err := h.client.tell(number, wire.Message{Kind: wire.Allow, URI: key}); err != nil {
			h.config.Log.Error("a key on a token is not available: " + err.Error())
		}
	}
	if err := h.client.tell(number, wire.Message{Kind: wire.Serve}); err != nil {
		h.config.Log.Error("keys on tokens are not available: " + err.Error())
		_ = cmd.Process.Kill() // it may have ended; another one may do better
		return
	}
	h.client.ready(number)
}

func (h *Helper) stopped() bool {
	select {
	case <-h.stop:
		return true
	default:
		return false
	}
}

// sleep reports whether the time passed before the helper was closed.
func (h *Helper) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-h.stop:
		return false
	case <-timer.C:
		return true
	}
}

// down tells who uses the process that it is not there. A new user has not known
// it, and waits for the one that is started for him.
func (h *Helper) down(why string) {
	h.own.down(why)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shared != nil && !h.renewed {
		h.shared.down(why)
	}
}
