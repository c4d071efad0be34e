package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/cryptopolicies"
	"github.com/secure-socket-api/ssa/internal/trust/revocation"
)

// Exit statuses of `ssa check`.
const (
	statusProblems   = 1
	statusUnreadable = 2
)

type checkOptions struct {
	json   bool
	tokens bool
	other  string // --from-crypto-policies
}

// place is a problem or a warning with its place.
type place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
}

// checked is what a check found.
type checked struct {
	OK         bool     `json:"ok"`
	Files      []string `json:"files"`
	Problems   []place  `json:"problems"`
	Warnings   []place  `json:"warnings"`
	Profiles   []string `json:"profiles"`   // most specific first
	Identities []string `json:"identities"` // that are used
}

func checkCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check [flags] [file]",
		Short: "Check whether a policy is valid",
		Long: "Read a policy as `ssa run` would, and tell every problem and warning with its place.\n" +
			"Without a file it is the machine's: /etc/ssa/policy.yaml and /etc/ssa/policy.d/*.yaml.\n" +
			"The exit status is 0 when there is no problem, 1 when there is one, 2 when a file cannot be read.\n" +
			"Programs that `ssa run` has started keep the policy that they were started with.",
		Example: "  ssa check\n  ssa check lab.yaml\n  ssa check --from-crypto-policies /etc/crypto-policies >proposal.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.other != "" {
				return o.propose(args, c.OutOrStdout())
			}
			return o.run(args, c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Flags().BoolVar(&o.tokens, "tokens", false,
		"open keys on tokens too, with the modules and PINs that the policy names")
	c.Flags().StringVar(&o.other, "from-crypto-policies", "",
		"check nothing, but print a policy that says what the system-wide crypto-policies in `PATH` say")
	return c
}

func (o *checkOptions) run(args []string, out io.Writer) error {
	// Not unless asked to: a policy that is only looked at could name any library.
	options := policy.Options{OpenKey: untried}
	if o.tokens {
		keys := &tokens{log: slog.New(slog.DiscardHandler)}
		defer keys.close()
		options.OpenKey = keys.open
	}
	files, load := systemFiles("/"), func() (*policy.Policy, error) { return options.LoadSystem("/") }
	if len(args) == 1 {
		files, load = args, func() (*policy.Policy, error) { return options.Load(args[0]) }
	}
	result, err := check(files, load)
	if err != nil {
		return &problem{what: printable(err.Error()), status: statusUnreadable}
	}
	if o.json {
		err = printJSON(out, result)
	} else {
		err = result.print(out, painter(out))
	}
	if err == nil && !result.OK {
		return exitStatus(statusProblems)
	}
	return err
}

// propose prints a policy made of the settings of another system.
func (o *checkOptions) propose(args []string, out io.Writer) error {
	if len(args) > 0 || o.json {
		return &problem{what: "--from-crypto-policies goes with neither a policy file nor --json", status: statusUsage}
	}
	settings, err := cryptopolicies.Read(o.other)
	if err != nil {
		return &problem{what: printable(err.Error()), hint: "give /etc/crypto-policies, a file of its back-ends, or a policy definition (*.pol)", status: statusUnreadable}
	}
	text, err := settings.Propose()
	if err != nil {
		return &problem{what: printable(err.Error()), status: statusProblems}
	}
	_, err = io.WriteString(out, text)
	return err
}

// systemFiles lists the files that policy.LoadSystem reads and that exist.
func systemFiles(root string) []string {
	names, _ := policy.SystemFiles(root) // LoadSystem reports the error
	var files []string
	for _, name := range names {
		if _, err := os.Stat(name); err == nil {
			files = append(files, name)
		}
	}
	return files
}

// check loads a policy. Its error says that a file could not be read; what is
// wrong with the policy is in the result.
func check(files []string, load func() (*policy.Policy, error)) (*checked, error) {
	r := &checked{Files: files, Problems: []place{}, Warnings: []place{}, Profiles: []string{},
		Identities: []string{}}
	if files == nil {
		r.Files = []string{}
	}
	rules, err := load()
	var wrong *policy.Error
	switch {
	case errors.As(err, &wrong):
		r.Problems, r.Warnings = places(wrong.Problems), places(wrong.Warnings)
		return r, nil
	case err != nil:
		return nil, err
	}
	r.OK = true
	r.Warnings = places(rules.Warnings())
	for _, e := range rules.Profiles() {
		r.Profiles = append(r.Profiles, e.Profile)
	}
	for _, e := range append(rules.Profiles(), rules.Default()) {
		r.addIdentities(e)
	}
	lists := revocation.New(revocation.Config{})
	for _, e := range append(rules.Profiles(), rules.Default()) {
		r.addLists(e, lists)
	}
	return r, nil
}

// addLists warns of local revocation lists that are not as they should be. They
// are no part of the policy: other programs bring new ones at any time.
func (r *checked) addLists(e *policy.Effective, lists *revocation.Checker) {
	at := e.Origin("trust.crl_files")
	for _, list := range listProblems(lists, e.CRLFiles) {
		if list.Problem == "" {
			continue
		}
		w := place{at.File, at.Line, at.Column,
			"trust.crl_files: the revocation list " + list.Path + " " + list.Problem}
		if !slices.Contains(r.Warnings, w) {
			r.Warnings = append(r.Warnings, w)
		}
	}
}

// addIdentities adds the identities that a profile uses. One that may not be
// read now may be by whoever starts the server, so that is a warning.
func (r *checked) addIdentities(e *policy.Effective) {
	for _, id := range e.ServerIdentities {
		if !slices.Contains(r.Identities, id.Name) {
			r.Identities = append(r.Identities, id.Name)
		}
	}
	if _, err := e.Identities(); err != nil {
		at := e.Origin("server.identity")
		if w := (place{at.File, at.Line, at.Column, err.Error()}); !slices.Contains(r.Warnings, w) {
			r.Warnings = append(r.Warnings, w)
		}
	}
}

func places(problems []policy.Problem) []place {
	list := []place{}
	for _, p := range problems {
		list = append(list, place{p.File, p.Line, p.Column, p.Text})
	}
	return list
}

func (p place) String() string {
	if p.Line == 0 {
		return printable(p.File)
	}
	return fmt.Sprintf("%s:%d:%d", printable(p.File), p.Line, p.Column)
}

func (r *checked) print(out io.Writer, paint paint) error {
	var b strings.Builder
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "%s: %s\n", paint.bold(p.String()), printable(p.Text))
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "%s: %s %s\n", paint.bold(w.String()), paint.warn("warning:"), printable(w.Text))
	}
	if r.OK {
		fmt.Fprintf(&b, "%s: %s; %s, %s; %s\n", paint.good("the policy is valid"), r.source(),
			count(len(r.Warnings), "warning"),
			count(len(r.Profiles), "profile")+listed(r.Profiles),
			"identities used: "+listedOr(r.Identities, "none"))
	} else {
		fmt.Fprintf(&b, "%s: %s; %s\n", paint.bad("the policy cannot be used"), r.source(),
			count(len(r.Problems), "problem"))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// source says where the policy comes from.
func (r *checked) source() string {
	if len(r.Files) == 0 {
		return "no file in /etc/ssa, so the built-in default holds"
	}
	return "read " + printable(strings.Join(r.Files, ", "))
}

func count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func listed(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func listedOr(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}

func printJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
