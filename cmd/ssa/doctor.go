package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secure-socket-api/ssa/internal/doctor"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// self is this program, also for a user who may not reach its path.
const self = "/proc/self/exe"

type doctorOptions struct {
	json     bool
	subject  bool
	hardened bool
	socket   string
}

func doctorCommand() *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Say what works on this machine, and what to do about what does not",
		Long: "Try everything that `ssa run` and the service need of the kernel and of this machine,\n" +
			"and say why something does not work and what to do. Nothing is changed.\n" +
			"The exit status is 0 when `ssa run` works here, and 1 when it does not.",
		Example: "  ssa doctor\n  sudo ssa doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case o.subject:
				return doctor.Subject()
			case o.hardened:
				return doctor.Hardened(c.OutOrStdout())
			}
			return o.run(c.Context(), c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Flags().StringVar(&o.socket, "socket", wire.DefaultPath, "where the service listens")
	c.Flags().BoolVar(&o.subject, "subject", false, "be the program that is tried")
	c.Flags().BoolVar(&o.hardened, "hardened", false, "be a process without rights")
	_ = c.Flags().MarkHidden("subject")
	_ = c.Flags().MarkHidden("hardened")
	return c
}

func (o *doctorOptions) run(ctx context.Context, out io.Writer) error {
	// What is tried is the gate, whatever the policy says of this program.
	builtin, err := builtinPolicy()
	if err != nil {
		return err
	}
	defer os.Remove(builtin)
	report := doctor.Run(ctx, doctor.Config{
		Subject:  []string{self, "doctor", "--subject"},
		Run:      []string{self, "run", "--policy", builtin, "--"},
		Hardened: []string{self, "doctor", "--hardened"},
		Policy:   func() (*policy.Policy, error) { return policy.LoadSystem("/") },
		Service:  askService, ServicePath: o.socket, Getenv: os.Getenv, Now: time.Now,
	})
	if o.json {
		err = printJSON(out, report)
	} else {
		_, err = io.WriteString(out, reportOf(report, painter(out)))
	}
	if err == nil && !report.RunWorks {
		return exitStatus(1)
	}
	return err
}

// builtinPolicy writes a policy that says nothing, for every user to read.
func builtinPolicy() (string, error) {
	f, err := os.CreateTemp("", "ssa-doctor-*.yaml")
	if err == nil {
		_, err = f.WriteString("default: {}\n")
		err = errors.Join(err, f.Chmod(0o644), f.Close())
	}
	if err != nil {
		return "",
			&problem{what: "a file to try things with: " + err.Error(), hint: "set TMPDIR to a folder that you can write", status: statusUsage}
	}
	return f.Name(), nil
}

// askService greets the service.
func askService(ctx context.Context, path string) (string, error) {
	conn, err := wire.Dial(path)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	welcome, err := wire.Greet(ctx, conn, wire.Hello{Agent: "ssa doctor " + version()})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("version %d of the protocol", welcome.Version), nil
}

// reportOf writes a report for a person: a line for each feature, and more for
// those that do not work.
func reportOf(r *doctor.Report, paint paint) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Linux %s, %s, ssa %s\n", printable(r.Kernel), r.Architecture, version())
	var area string
	for _, f := range r.Findings {
		if f.Area != area {
			area = f.Area
			fmt.Fprintf(&b, "\n%s\n", paint.bold(area))
		}
		printFinding(&b, f, paint)
	}
	word := paint.good("ssa run works here")
	if !r.RunWorks {
		word = paint.bad("ssa run does not work here")
	}
	fmt.Fprintf(&b, "\n%s\n", word)
	return b.String()
}

func printFinding(b *strings.Builder, f doctor.Finding, paint paint) {
	word := fmt.Sprintf("%-13s", f.State)
	switch f.State {
	case doctor.Works:
		word = paint.good(word)
	case doctor.Fails:
		word = paint.warn(word)
		if f.Needed {
			word = paint.bad(word)
		}
	default:
		word = paint.dim(word)
	}
	fmt.Fprintf(b, "  %s  %s", word, f.Feature)
	if f.Since != "" && (f.State == doctor.Fails || f.State == doctor.Unknown) {
		fmt.Fprintf(b, ", Linux %s or later", f.Since)
	}
	if f.Needed && f.State == doctor.Fails {
		b.WriteString(" (needed)")
	}
	if f.Why != "" && f.State != doctor.Fails && len(f.Why) < 60 {
		b.WriteString(paint.dim(": " + printable(f.Why)))
	} else if f.Why != "" {
		indented(b, "why: "+f.Why)
	}
	b.WriteString("\n")
	if f.Do != "" {
		b.WriteString(strings.Repeat(" ", 17) + "do: " + printable(f.Do) + "\n")
	}
}

// indented writes text, which may have several lines, below a feature.
func indented(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString("\n" + strings.Repeat(" ", 17) + printable(line))
	}
}
