package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"github.com/secure-socket-api/ssa/internal/harden"
)

// wall is a measure with which the service gives rights up, as a child of the
// doctor found it.
type wall struct {
	Name, Err string
}

// Hardened takes away from this process what the service takes away from
// itself, and writes what became of that. The process must end after.
func Hardened(out io.Writer) error {
	measures, failed := harden.Process()
	var list []wall
	for _, m := range measures {
		w := wall{Name: m.Name}
		if m.Err != nil {
			w.Err = m.Err.Error()
		}
		list = append(list, w)
	}
	return errors.Join(json.NewEncoder(out).Encode(list), failed)
}

// walls returns a probe for each measure that a child has tried.
func (s *serviceProbes) walls(context.Context) []probe {
	list, err := s.raise()
	if err != nil && len(list) == 0 {
		return []probe{{feature: "what it gives up",
			try: func(context.Context) outcome { return unknown(err.Error(), "") }}}
	}
	var probes []probe
	for _, w := range list {
		probes = append(probes, probe{feature: "what it gives up: " + w.Name,
			try: func(context.Context) outcome { return w.outcome() }})
	}
	return probes
}

func (w wall) outcome() outcome {
	switch {
	case w.Err == "":
		return works("")
	case strings.Contains(w.Err, "RLIMIT_MEMLOCK"):
		return fails(w.Err, "systemd starts the service without that limit; elsewhere `ulimit -l unlimited`, or have no swap at all")
	}
	return fails(w.Err, "")
}

// raise runs the child, without rights that it would have to give up first.
func (s *serviceProbes) raise() ([]wall, error) {
	type result struct {
		out []byte
		err error
	}
	done := make(chan result)
	go func() {
		// no_new_privs is the thread's, and what it starts has it too; the
		// thread ends with this goroutine (PR_SET_NO_NEW_PRIVS(2const)).
		runtime.LockOSThread()
		if err := harden.NoNewPrivileges(); err != nil {
			done <- result{nil, err}
			return
		}
		var out bytes.Buffer
		cmd := exec.Command(s.cfg.Hardened[0], s.cfg.Hardened[1:]...)
		cmd.Dir, cmd.Stdout = "/", &out
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		err := cmd.Run()
		done <- result{out.Bytes(), err}
	}()
	r := <-done
	var list []wall
	if err := json.Unmarshal(r.out, &list); err != nil {
		return nil, errors.Join(err, r.err)
	}
	return list, r.err
}
