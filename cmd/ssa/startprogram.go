package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// startName is the command that `ssa run` executes in the program's process
// where something has to be made right there, before it becomes the program.
const startName = "start-program"

// ownPid are variables by which a service manager names the process that it has
// started (sd_listen_fds(3), sd_watchdog_enabled(3), systemd.exec(5)): that is
// `ssa run`, and for the program itself they are to name the program.
var ownPid = []string{"LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"}

// ownPidfd names the same process by its pidfd. Without it, the variables above
// are all that counts.
const ownPidfd = "LISTEN_PIDFDID"

// namesProcess reports whether an environment names the process pid so.
func namesProcess(env []string, pid int) bool {
	return slices.ContainsFunc(env, func(e string) bool {
		name, value, _ := strings.Cut(e, "=")
		return slices.Contains(ownPid, name) && value == strconv.Itoa(pid)
	})
}

// renameProcess returns the environment with the process old named new. What
// names others stays.
func renameProcess(env []string, old, new int) []string {
	renamed := make([]string, 0, len(env))
	ours := namesProcess(env, old)
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		switch {
		case slices.Contains(ownPid, name) && value == strconv.Itoa(old):
			e = name + "=" + strconv.Itoa(new)
		case name == ownPidfd && ours:
			continue
		}
		renamed = append(renamed, e)
	}
	return renamed
}

// started says what to execute for a program, and how.
type started struct {
	path string
	argv []string
}

// startOf is the program itself, unless its process has to be prepared.
func startOf(path string, args []string, space *addressSpace) started {
	if !namesProcess(os.Environ(), os.Getpid()) && !space.raised {
		return started{path, args}
	}
	argv := []string{"ssa", startName, "--for", strconv.Itoa(os.Getpid())}
	if space.raised {
		argv = append(argv, "--address-space", strconv.FormatUint(space.soft, 10))
	}
	return started{"/proc/self/exe", append(append(argv, "--", path), args...)}
}

func startProgramCommand() *cobra.Command {
	var process int
	var space uint64
	c := &cobra.Command{
		Use: startName, Hidden: true, Args: cobra.MinimumNArgs(2),
		Short: "The moment between `ssa run` and the program it starts",
		RunE: func(_ *cobra.Command, args []string) error {
			if space != math.MaxUint64 {
				limit := unix.Rlimit{}
				err := unix.Getrlimit(unix.RLIMIT_AS, &limit)
				limit.Cur = space
				if err = errors.Join(err, unix.Setrlimit(unix.RLIMIT_AS, &limit)); err != nil {
					return fmt.Errorf("giving the program its limit of address space: %w", err)
				}
			}
			beforeEnd()
			err := unix.Exec(args[0], args[1:], renameProcess(os.Environ(), process, os.Getpid()))
			return cannotExecute(args[0], err)
		},
	}
	c.Flags().IntVar(&process, "for", 0, "the process that the environment may name")
	c.Flags().Uint64Var(&space, "address-space", math.MaxUint64, "the soft limit of the program")
	c.Flags().SetInterspersed(false)
	return c
}

// addressSpace is the limit that RLIMIT_AS (`ulimit -v`) sets.
type addressSpace struct {
	soft   uint64 // the program's
	raised bool   // ours is higher
}

// leastSpace is what Go's runtime and a few connections need: it reserves much
// more address space than it uses memory, before the first line of ours runs.
const leastSpace = 1536 << 20

// raiseSpace raises the soft limit of this process's address space to the hard
// one. Where that is too little, it says how much is needed.
func raiseSpace() (*addressSpace, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &limit); err != nil {
		return nil, fmt.Errorf("asking for the limit of address space: %w", err)
	}
	if limit.Max < leastSpace {
		return nil, &problem{what: fmt.Sprintf("address space is limited to %d MiB (ulimit -v), and ssa run needs %d", limit.Max>>20, leastSpace>>20),
			hint:   fmt.Sprintf("set the limit to %d KiB or more, or limit memory by a control group (MemoryMax=)", leastSpace>>10),
			status: statusUsage}
	}
	space := &addressSpace{soft: limit.Cur}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_AS, &limit); err != nil {
			return nil, fmt.Errorf("raising the limit of address space: %w", err)
		}
		space.raised = true
	}
	return space, nil
}

// raiseDescriptors lets this process have twice as many descriptors as the
// program may have, since a connection takes two: so far the system lets it
// (CAP_SYS_RESOURCE, fs.nr_open). The program, which has been started, keeps its
// own limit.
func raiseDescriptors() {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return
	}
	more := 2*limit.Max + ownDescriptors
	if limit.Max > math.MaxUint32 {
		return
	}
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: more, Max: more})
}

// ownDescriptors are what a run needs beside its connections.
const ownDescriptors = 64
