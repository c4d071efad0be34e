package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"runtime"

	"github.com/spf13/cobra"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/leftover"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/filter"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/target"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/unixend"
	"github.com/secure-socket-api/ssa/internal/gomaxprocs"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/socket"
)

// Exit statuses of ssa itself, as env(1) and nohup(1) have them.
const (
	statusUsage         = 125
	statusNotExecutable = 126
	statusNotFound      = 127
)

type runOptions struct {
	policy  string
	engine  engineOptions
	tokens  *tokens // of the embedded engine of root
	verbose bool
}

func runCommand(stderr io.Writer) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run [flags] -- program [arguments]",
		Short: "Run a program whose IPPROTO_TLS sockets work",
		Long: "Run a program, and all it starts, with working TLS sockets:\n" +
			"socket(AF_INET, SOCK_STREAM, IPPROTO_TLS). The exit status is the program's;\n" +
			"125 to 127 say that ssa itself failed, the program cannot be executed, or is not there.",
		Example: "  ssa run -- ./client example.com\n  ssa run -v --policy lab.yaml -- ./server 8443",
		Args:    needs("a program to run", math.MaxInt),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.run(args, stderr)
		},
	}
	c.Flags().StringVar(&o.policy, "policy", "", "read the policy from `FILE` alone, not from /etc/ssa")
	o.engine.flags(c)
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "log to standard error what happens to each connection")
	c.Flags().SetInterspersed(false)
	return c
}

func (o *runOptions) source() policySource {
	s := policySource{file: o.policy, root: "/"}
	if o.tokens != nil {
		s.options.OpenKey = o.tokens.open
	}
	return s
}

func (o *runOptions) loadPolicy() (*policy.Policy, error) {
	p, err := o.source().load()
	if err != nil {
		return nil, &problem{what: "the policy cannot be used:\n" + err.Error(),
			hint: "nothing was started; correct the file first", status: statusUsage}
	}
	return p, nil
}

func (o *runOptions) run(args []string, stderr io.Writer) error {
	path, err := findProgram(args[0])
	if err != nil {
		return err
	}
	space, err := raiseSpace()
	if err != nil {
		return err
	}
	collectLater()
	defer gomaxprocs.Start()()
	log := newLog(stderr, o.verbose)
	// Without -v too: an administrator must not believe in a policy that does not hold.
	alarms := slog.New(&lineHandler{out: stderr})
	tls, err := o.chooseEngine(log, alarms)
	if err != nil {
		return err
	}
	if !tls.remote { // with the service, what is connected there goes on when we have gone
		defer tls.close()
	} else {
		defer tls.told()
	}
	judge := socket.JudgesPlainTCP(tls.rules)
	arch, code, err := assemble(judge)
	if err != nil {
		return err
	}
	own, err := target.Self()
	if err != nil {
		return err
	}
	programs, err := program.New(program.Config{})
	if err != nil {
		return err
	}
	defer programs.Close()
	programs.SetPolicy(tls.rules)
	dir, err := socketDir()
	if err != nil {
		return err
	}
	finder := seccomp.NewFinder()
	var left leftover.Collection
	ends, err := unixend.New(unixend.Config{Finder: finder, Log: log, Dir: dir})
	if err != nil {
		return tableProblem(err)
	}
	table := socket.NewTable(socket.Config{
		Engine: tls.engine, Policy: tls.rules, Resolver: net.DefaultResolver,
		Ends: ends, Log: log, NamePrograms: tls.remote, Profile: tls.profile, Denied: tls.denied,
		Leftover: func(tcp engine.Stream, rest []byte) { left.Add(tcp, rest) },
	})
	closeSockets := func() error {
		table.Close()
		return ends.Close()
	}
	family, err := startFamily(path, startOf(path, args, space), code, judge)
	if err != nil {
		return errors.Join(err, closeSockets())
	}
	raiseDescriptors()
	if judge && !family.listener.NoTCP {
		log.Warn("the kernel cannot keep the program from connecting TCP sockets by itself (Landlock of Linux 6.7 or later), so ssa run connects its sockets of every kind, " +
			"and the peers of local sockets see ssa run; programs under other users cannot connect to local sockets")
	}
	follow := tls.follow(judge, func(p *policy.Policy) {
		programs.SetPolicy(p)
		table.SetPolicy(p)
	})
	gate := seccomp.New(seccomp.Config{JudgePlainTCP: judge, Listener: family.listener, Arch: arch,
		Sockets: table, Ends: ends, Finder: finder, Own: own, Programs: programs, Log: log})
	err = gate.Run()
	status := family.wait()
	err = errors.Join(err, follow())
	if closeErr := closeSockets(); err == nil {
		err = closeErr
	}
	if err != nil {
		log.Error(err.Error())
	}
	sendLeftover(&left, log)
	return status.exit()
}

func assemble(judge bool) (filter.Arch, []bpf.RawInstruction, error) {
	if err := checkKernel(); err != nil {
		return filter.Arch{}, nil, err
	}
	arch, err := filter.ForGOARCH(runtime.GOARCH)
	if err != nil {
		return arch, nil, err
	}
	code, err := bpf.Assemble(filter.Program(arch, judge))
	if err != nil {
		return arch, nil, fmt.Errorf("assembling the seccomp filter: %w", err)
	}
	return arch, code, nil
}

// tableProblem says what to allow where sockets of ours are refused, as by
// RestrictAddressFamilies= of systemd.
func tableProblem(err error) error {
	for _, refused := range []error{unix.EAFNOSUPPORT, unix.EPERM, unix.EACCES, unix.ENOSYS} {
		if errors.Is(err, refused) {
			return &problem{what: err.Error(), status: statusUsage,
				hint: "ssa run needs sockets of AF_UNIX and AF_NETLINK beside those of the network: where something restricts them " +
					"(RestrictAddressFamilies= of a unit, the seccomp profile of a container), allow these"}
		}
	}
	return err
}

// socketDir finds a folder where this user can make folders for names of
// sockets, which exist for a moment only.
func socketDir() (string, error) {
	var errs []error
	for _, parent := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/dev/shm"} {
		if parent == "" {
			continue
		}
		dir, err := os.MkdirTemp(parent, "ssa-")
		if err == nil {
			err = os.Remove(dir)
		}
		if err == nil {
			return parent, nil
		}
		errs = append(errs, err)
	}
	return "", &problem{what: "no folder for temporary socket names: " + errors.Join(errs...).Error(),
		hint: "set XDG_RUNTIME_DIR or TMPDIR to a folder that you can write", status: statusUsage}
}

func newLog(stderr io.Writer, verbose bool) *slog.Logger {
	if !verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(&lineHandler{out: stderr})
}
