package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// files are probes about the policy, what it names, and what Go's resolver and
// verifier need of the machine.
type files struct {
	cfg Config

	once  sync.Once
	rules *policy.Policy
	err   error
}

func (f *files) area() area {
	return area{"the policy and the machine", []probe{
		{"the policy", "", true, f.policy},
		{"who may vouch for peers", "", false, f.roots},
		{"identities", "", false, f.identities},
		{"the clock", "", false, f.clock},
		{"names of hosts", "", false, f.resolver},
	}, nil}
}

func (f *files) load() (*policy.Policy, error) {
	f.once.Do(func() { f.rules, f.err = f.cfg.Policy() })
	return f.rules, f.err
}

func (f *files) policy(context.Context) outcome {
	rules, err := f.load()
	if err != nil {
		return fails(err.Error(), "`ssa check` lists every problem; until then `ssa run` starts nothing")
	}
	if n := len(rules.Warnings()); n > 0 {
		return works(fmt.Sprintf("with %d warnings: `ssa check` lists them", n))
	}
	return works("")
}

// anchors returns the certificates that vouch for peers unless a profile says
// otherwise, as subjects.
func (f *files) anchors() ([][]byte, string, error) {
	rules, err := f.load()
	if err != nil {
		return nil, "", err
	}
	e := rules.Default()
	//lint:ignore SA1019 the pool is not that of crypto/x509, which alone leaves subjects out
	return e.Roots().Subjects(), e.RootsFrom, nil
}

func (f *files) roots(context.Context) outcome {
	subjects, from, err := f.anchors()
	switch {
	case err != nil:
		return unknown("the policy does not load", "")
	case len(subjects) == 0:
		return fails("there is no certificate in "+from+": no peer is trusted",
			"install your distribution's ca-certificates, or name files in trust.roots")
	}
	return works(fmt.Sprintf("%d authorities, from %s", len(subjects), from))
}

// soon is when a certificate ought to have been renewed.
const soon = 14 * 24 * time.Hour

func (f *files) identities(context.Context) outcome {
	rules, err := f.load()
	if err != nil {
		return unknown("the policy does not load", "")
	}
	var bad, late, good []string
	for _, e := range append(rules.Profiles(), rules.Default()) {
		ids, err := e.Identities()
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		for i, id := range ids {
			leaf, name := id.Leaf(), e.ServerIdentities[i].Name
			switch left := leaf.NotAfter.Sub(f.cfg.Now()); {
			case left <= 0:
				bad = append(bad, fmt.Sprintf("the certificate of %s has expired on %s", name, day(leaf)))
			case left < soon:
				late = append(late, fmt.Sprintf("the certificate of %s expires on %s", name, day(leaf)))
			default:
				good = append(good, fmt.Sprintf("%s until %s", name, day(leaf)))
			}
		}
	}
	join := func(list []string) string {
		slices.Sort(list)
		return strings.Join(slices.Compact(list), "; ")
	}
	switch {
	case len(bad) > 0:
		return fails(join(bad), "renew it, or look with the rights of who serves: root, for keys of the machine")
	case len(late) > 0:
		return note(join(late), "renew it")
	case len(good) == 0:
		return note("the policy gives servers none: they bring their own", "")
	}
	return works(join(good))
}

func day(c *x509.Certificate) string { return c.NotAfter.UTC().Format("2006-01-02") }

// clock compares the time with what it must be later than, and asks the kernel
// whether anybody sets it.
func (f *files) clock(context.Context) outcome {
	now := f.cfg.Now()
	if newest := f.newestFile(); now.Before(newest) {
		return fails(fmt.Sprintf("it is %s, before the system's own files were written (%s): certificates will not be valid yet",
			now.UTC().Format(time.RFC3339), newest.UTC().Format(time.RFC3339)), "set the clock")
	}
	var t unix.Timex
	if state, err := unix.Adjtimex(&t); err == nil &&
		(state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0) {
		return works("but nothing keeps it right: the kernel says that it is not synchronized")
	}
	return works("")
}

// newestFile is when the latest of some files of the system was written.
func (f *files) newestFile() time.Time {
	var newest time.Time
	for _, name := range []string{"/etc/os-release", "/etc/ssl/certs/ca-certificates.crt",
		"/etc/ssa/policy.yaml", "/etc/passwd"} {
		if st, err := os.Stat(filepath.Join("/", f.cfg.Root, name)); err == nil &&
			st.ModTime().After(newest) {
			newest = st.ModTime()
		}
	}
	return newest
}

// served are the sources of nsswitch.conf that Go's resolver looks into, or
// whose answers it gives itself.
var served = []string{"files", "dns", "myhostname"}

func (f *files) resolver(context.Context) outcome {
	var notes []string
	text, err := os.ReadFile(filepath.Join("/", f.cfg.Root, "/etc/nsswitch.conf"))
	if err == nil {
		if others := otherSources(string(text)); len(others) > 0 {
			notes = append(notes, "names that only "+strings.Join(others, ", ")+" know (nsswitch.conf) are not found for AF_HOSTNAME; programs that resolve names themselves are not concerned")
		}
	}
	if _, err := os.Stat(filepath.Join("/", f.cfg.Root, "/etc/resolv.conf")); err != nil {
		notes = append(notes, "there is no /etc/resolv.conf: only /etc/hosts and a name server on this machine are asked")
	}
	if len(notes) > 0 {
		return note(strings.Join(notes, "; "), "")
	}
	return works("")
}

// otherSources returns the sources of host names that Go's resolver passes over.
func otherSources(nsswitch string) []string {
	var others []string
	for line := range strings.Lines(nsswitch) {
		line, _, _ = strings.Cut(line, "#")
		sources, ok := strings.CutPrefix(strings.TrimSpace(line), "hosts:")
		if !ok {
			continue
		}
		for _, source := range strings.Fields(sources) {
			if strings.HasPrefix(source, "[") || strings.HasSuffix(source, "]") ||
				slices.Contains(served, source) {
				continue
			}
			others = append(others, source)
		}
	}
	return others
}
