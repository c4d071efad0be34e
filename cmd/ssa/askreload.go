package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/registry"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// askAgain is how often the service is asked whether it has read its policy.
const askAgain = 20 * time.Millisecond

type reloadOptions struct {
	pid    int
	socket string
	within time.Duration
}

func reloadCommand() *cobra.Command {
	var o reloadOptions
	c := &cobra.Command{
		Use:   "reload --pid PID [flags]",
		Short: "Have the service read its policy again, and say how that went",
		Long: "Send SIGHUP to the service and wait until it has read its policy again. The exit status\n" +
			"is 0 when the policy holds from now on, and 1 when it has a problem, which is told: the\n" +
			"policy of before holds on then. `systemctl reload ssa.service` runs this.",
		Example: "  systemctl reload ssa.service\n  ssa reload --pid $(systemctl show -P MainPID ssa.service)",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return o.run() },
	}
	c.Flags().IntVar(&o.pid, "pid", 0, "the process `PID` of `ssa daemon`")
	c.Flags().StringVar(&o.socket, "socket", wire.DefaultPath, "where the service listens")
	c.Flags().DurationVar(&o.within, "within", 30*time.Second, "how long the service may take")
	_ = c.MarkFlagRequired("pid") // the flag is there
	return c
}

func (o *reloadOptions) run() error {
	if o.pid <= 1 || o.within <= 0 {
		return &problem{what: fmt.Sprintf("--pid %d and --within %v must be a process and a time above zero", o.pid, o.within), status: statusUsage}
	}
	before, err := o.reloads()
	if err != nil {
		return err
	}
	if err := unix.Kill(o.pid, unix.SIGHUP); err != nil {
		return &problem{what: fmt.Sprintf("telling process %d to read its policy: %v", o.pid, err),
			hint: "only its own user and root may tell the service", status: statusUsage}
	}
	for deadline := time.Now().Add(o.within); ; time.Sleep(askAgain) {
		now, err := o.reloads()
		switch {
		case err == nil && now.Failed > before.Failed:
			return &problem{what: "the policy was not reloaded, and the one before holds: " + now.Problem,
				hint: "`ssa check` lists every problem", status: statusProblems}
		case err == nil && now.Done > before.Done:
			return nil
		case time.Now().After(deadline):
			return &problem{what: fmt.Sprintf("the service did not say within %v whether it has read its policy", o.within),
				hint: fmt.Sprintf("is process %d the `ssa daemon` that listens at %s? its log says more", o.pid, o.socket), status: statusProblems}
		}
	}
}

// reloads asks how often the policy was read again.
func (o *reloadOptions) reloads() (registry.Reloads, error) {
	i, err := inquire(o.socket)
	if err != nil {
		return registry.Reloads{}, err
	}
	defer i.close()
	s, _, err := i.status(registry.Query{Connections: -1}, 0)
	if err != nil {
		return registry.Reloads{}, err
	}
	return s.Service.Reloads, nil
}
