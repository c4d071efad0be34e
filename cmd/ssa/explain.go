package main

import (
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secure-socket-api/ssa/internal/policy"
)

type explainOptions struct {
	policy, to, user string
	json             bool
}

// explained is what holds for a program.
type explained struct {
	Exe      string       `json:"exe"`
	Script   string       `json:"script,omitempty"`
	User     string       `json:"user"`
	Group    string       `json:"group"`
	Cgroup   string       `json:"cgroup,omitempty"`
	Profile  string       `json:"profile"`
	Settings []settingRow `json:"settings"`
	Options  []optionRow  `json:"options"`
	To       *peerVerdict `json:"to,omitempty"`
}

// settingRow is one key of the policy; From is "built-in" or a place, or says
// that this version does not have the key yet.
type settingRow struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// optionRow is one socket option, and what it may still change.
type optionRow struct {
	Option  string `json:"option"`
	Key     string `json:"key,omitempty"`
	Allowed bool   `json:"allowed"`
	How     string `json:"how"` // the direction that is allowed, or why not
}

func explainCommand() *cobra.Command {
	var o explainOptions
	c := &cobra.Command{
		Use:   "explain [flags] -- program [arguments] [--to host:port]",
		Short: "Say what the policy means for a program",
		Long: "Say which profile of the policy a program has, what holds for it, and which file\n" +
			"and line says so; with --to also whether it may talk to a peer. Nothing is started,\n" +
			"and nobody is asked over the network: `ssa probe` does that.",
		Example: "  ssa explain -- /usr/bin/curl --to bank.example:443\n  ssa explain --user www-data -- /usr/sbin/nginx",
		Args:    needs("a program to explain", math.MaxInt),
		RunE: func(c *cobra.Command, args []string) error {
			if n := len(args); n >= 3 && args[n-2] == "--to" && o.to == "" {
				o.to, args = args[n-1], args[:n-2] // after the program, where it reads well
			}
			return o.run(args, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&o.policy, "policy", "", "read the policy from `FILE` alone, not from /etc/ssa")
	c.Flags().StringVar(&o.to, "to", "", "say whether the program may talk to `HOST:PORT`")
	c.Flags().StringVar(&o.user, "user", "", "as if `USER` started the program")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Flags().SetInterspersed(false)
	return c
}

func (o *explainOptions) run(args []string, out io.Writer) error {
	rules, err := (&runOptions{policy: o.policy}).loadPolicy()
	if err != nil {
		return err
	}
	program, err := identify(args[0], args[1:], o.user)
	if err != nil {
		return err
	}
	if interpreter, _ := firstLine(program.Script); interpreter == "" &&
		!rules.NamesScript(program.Script) {
		program.Script = "" // it is any file, and nobody looks for it
	}
	result := explain(rules.For(program.Program))
	result.Exe, result.Script, result.Cgroup = program.Exe, program.Script, program.Cgroup
	result.User, result.Group = program.user, program.group
	if o.to != "" {
		if result.To, err = judgePeer(rules.For(program.Program), o.to); err != nil {
			return err
		}
	}
	if o.json {
		return printJSON(out, result)
	}
	var b strings.Builder
	result.print(&b, painter(out))
	_, err = io.WriteString(out, b.String())
	return err
}

// explain lists what an effective value says.
func explain(e *policy.Effective) *explained {
	r := &explained{Profile: e.Profile}
	for _, s := range e.Settings() {
		row := settingRow{s.Key, s.Value, builtIn}
		switch {
		case s.At != (policy.Position{}):
			row.From = s.At.String()
		case !supported(s.Key):
			row.From = notInForce
		}
		r.Settings = append(r.Settings, row)
	}
	for _, rule := range policy.Rules() {
		row := optionRow{Option: rule.Option.String(), Key: rule.Key, Allowed: true, How: rule.Tighter}
		if err := e.MayUse(rule.Option); err != nil {
			row.Allowed, row.How = false, err.Error()
		}
		r.Options = append(r.Options, row)
	}
	return r
}

// Where a value comes from that no file has.
const (
	builtIn    = "built-in"
	notInForce = "not supported by this version yet"
)

// supported reports whether this version obeys a key: whether a policy may have
// it at all.
func supported(key string) bool {
	open, end := "", ""
	for part := range strings.SplitSeq(key, ".") {
		open, end = open+"{"+part+": ", end+"}"
	}
	_, err := policy.Parse("/key.yaml", []byte("default: "+open+end+"\n"))
	return err == nil || !strings.Contains(err.Error(), notInForce)
}

// homely shortens a path below the working folder, as people write it.
func homely(path string) string {
	dir, err := os.Getwd()
	if err != nil || dir == "/" {
		return path
	}
	return strings.TrimPrefix(path, dir+"/")
}
