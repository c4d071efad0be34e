package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// exitStatus is an error that only carries an exit status.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// problem is an error for the person at the terminal: what happened, and what
// to do about it.
type problem struct {
	what, hint string
	status     int
}

func (p *problem) Error() string { return p.what }

// needs is for a command that works on at least one thing and at most so many.
func needs(what string, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s needs %s", c.CommandPath(), what)
		case len(args) > most:
			return fmt.Errorf("%s takes one argument, %s, and not %q too", c.CommandPath(), what, args[most])
		}
		return nil
	}
}

// execute runs the command line and returns the exit status.
func execute(args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "ssa",
		Short:         "TLS as a service of the operating system",
		Long:          "ssa gives every program TLS sockets: socket(AF_INET, SOCK_STREAM, IPPROTO_TLS).\nThe administrator's policy decides how TLS is done.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(runCommand(stderr), runLeftoverCommand(), daemonCommand(stderr),
		daemonWorkerCommand(stderr), startProgramCommand(), checkCommand(), explainCommand(),
		probeCommand(), statusCommand(), dashboardCommand(), keyLogCommand(), reloadCommand(),
		doctorCommand())
	completions(root)
	understood := false
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		err := c.ValidateRequiredFlags()
		understood = err == nil
		return err
	}
	asked, err := root.ExecuteC()
	var status exitStatus
	var p *problem
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &p):
		fmt.Fprintf(stderr, "ssa: error: %s\n", p.what)
		if p.hint != "" {
			fmt.Fprintf(stderr, "ssa: hint: %s\n", p.hint)
		}
		return p.status
	}
	fmt.Fprintf(stderr, "ssa: error: %v\n", err)
	if !understood {
		fmt.Fprintf(stderr, "ssa: hint: `%s --help` says what can be done\n", asked.CommandPath())
	}
	return statusUsage
}
