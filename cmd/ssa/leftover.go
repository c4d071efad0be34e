package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/secure-socket-api/ssa/internal/engine/leftover"
	"github.com/secure-socket-api/ssa/internal/engine/relay"
)

// leftoverName is the command that `ssa run` starts when its program has ended
// and peers have not taken everything; it is of no use alone.
const leftoverName = "run-leftover"

func runLeftoverCommand() *cobra.Command {
	return &cobra.Command{
		Use: leftoverName, Hidden: true, Args: cobra.NoArgs,
		Short: "Sends what a program wrote before it ended, started by `ssa run`",
		RunE: func(*cobra.Command, []string) error {
			if !isSocket(leftover.FirstFD) {
				return &problem{what: leftoverName + " is started by `ssa run` alone", hint: "start `ssa run`",
					status: statusUsage}
			}
			c, err := leftover.Inherited()
			if err != nil {
				return err
			}
			c.Deliver(leftoverLimits)
			return nil
		},
	}
}

var leftoverLimits = leftover.Limits{Stall: relay.DefaultStall, Linger: relay.DefaultLinger}

// sendLeftover has what is left sent by a process of its own, so that nobody
// waits for it; where none can be started, we wait.
func sendLeftover(c *leftover.Collection, log *slog.Logger) {
	if c.Empty() {
		return
	}
	if err := c.Start(self, leftoverName); err != nil {
		log.Warn("peers that have not taken everything are waited for: " + err.Error())
		c.Deliver(leftoverLimits)
	}
}
