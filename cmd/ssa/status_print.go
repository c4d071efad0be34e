package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// statusPrinter tells a status to a person.
type statusPrinter struct {
	out   io.Writer
	paint paint
	width int // of the terminal, zero for none
}

// shownRefusals is how many of the last refusals are shown.
const shownRefusals = 5

func (v *statusPrinter) all(s *registry.Status) {
	v.heading(s)
	v.programs(s)
	v.connections(s)
	v.listeners(s)
	v.refusals(s)
	v.certificates(s)
	v.lists(s)
	for _, k := range s.KeyLogs {
		fmt.Fprintf(v.out, "\n%s the secrets of profile %s are written to a file until %s (user %d, %d lines so far)\n", v.paint.warn("KEY LOG"),
			printable(k.Profile), momentText(k.Until, s.Time), k.By, k.Written)
	}
	if p := s.Service.Reloads.Problem; p != "" {
		fmt.Fprintf(v.out, "\n%s the last reload of the policy failed, the one before holds: %s\n", v.paint.warn("POLICY"), printable(p))
	}
	for _, e := range s.Earlier {
		v.earlier(e)
	}
}

// earlier tells of a service of before, which has connections still.
func (v *statusPrinter) earlier(s *registry.Status) {
	fmt.Fprintf(v.out, "\n%s\n", v.paint.bold("EARLIER SERVICE, until its connections end"))
	v.heading(s)
	v.programs(s)
	v.connections(s)
}

func (v *statusPrinter) heading(s *registry.Status) {
	t := &s.Totals
	open := counted(t.Open, "connection") + " open"
	if !s.AllUsers {
		open += " in your own programs"
	}
	parts := []string{fmt.Sprintf("up %s", shortTime(s.Time.Sub(s.Service.Started))), open,
		counted(int(t.Handshakes), "handshake")}
	if t.Connecting > 0 {
		parts[1] += fmt.Sprintf(" (%d in their handshake)", t.Connecting)
	}
	if t.Handshakes > 0 {
		parts[2] += fmt.Sprintf(", %d%% resumed", 100*t.Resumed/t.Handshakes)
	}
	parts = append(parts, fmt.Sprintf("sent %s, received %s", bytesText(t.Sent),
		bytesText(t.Received)))
	if n := total(t.Failed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed (%s)", n, reasons(t.Failed)))
	}
	if n := total(t.Refused); n > 0 {
		parts = append(parts, v.paint.warn(fmt.Sprintf("%d refused", n)))
	}
	if t.Missed > 0 {
		parts = append(parts, v.paint.warn(fmt.Sprintf("%d more refused by gates, which could not tell what", t.Missed)))
	}
	fmt.Fprintf(v.out, "%s  %s\n", v.paint.bold("ssa "+printable(s.Service.Build)),
		strings.Join(parts, "; "))
}

func (v *statusPrinter) programs(s *registry.Status) {
	t := table{columns: []column{{"PROGRAM", false, 9}, {"USER", false, 5}, {"PROFILE", false, 4},
		{"OPEN", true, 9}, {"HANDSHAKES", true, 6},
		{"RESUMED", true, 3}, {"FAILED", true, 5}, {"REFUSED", true, 6}, {"SENT", true, 7},
		{"RECEIVED", true, 7}}}
	for _, p := range s.Programs {
		t.add(nil, programName(&p.Program), userName(&p.Program), p.Program.Profile,
			strconv.Itoa(p.Open), strconv.FormatUint(p.Handshakes, 10),
			strconv.FormatUint(p.Resumed, 10), none(total(p.Failed)), none(total(p.Refused)),
			bytesText(p.Sent), bytesText(p.Received))
	}
	v.table(&t)
}

func (v *statusPrinter) connections(s *registry.Status) {
	t := table{columns: []column{{"ID", true, 9}, {"PROGRAM", false, 9}, {"PID", true, 3},
		{"USER", false, 4}, {"ROLE", false, 5}, {"PEER", false, 8},
		{"VERSION", false, 7}, {"SUITE", false, 1}, {"IDENTITY", false, 2}, {"RESUMED", false, 2},
		{"SENT", true, 6}, {"RECEIVED", true, 6}, {"AGE", true, 7}}}
	for i := range s.Connections {
		c := &s.Connections[i]
		version, resumed := c.Version, "no"
		if c.State == "handshake" {
			version, resumed = "connecting", ""
		} else if c.Resumed {
			resumed = "yes"
		}
		t.add(nil, strconv.FormatUint(c.ID, 10), base(&c.Program), strconv.Itoa(c.Program.PID),
			userName(&c.Program), c.Role, peerText(c),
			version, c.Suite, c.Identity, resumed, bytesText(c.Sent), bytesText(c.Received),
			shortTime(s.Time.Sub(c.Began)))
	}
	v.table(&t)
	if s.LeftOut > 0 {
		fmt.Fprintf(v.out, "%s\n", v.paint.dim(fmt.Sprintf("and %d older ones", s.LeftOut)))
	}
}

func (v *statusPrinter) refusals(s *registry.Status) {
	last := s.Refusals[max(0, len(s.Refusals)-shownRefusals):]
	if len(last) == 0 {
		return
	}
	fmt.Fprintf(v.out, "\n%s\n", v.paint.bold("LAST REFUSALS"))
	for _, f := range last {
		id := ""
		if f.ID != 0 {
			id = fmt.Sprintf(" [%d]", f.ID)
		}
		fmt.Fprintf(v.out, "%s %s%s %s: %s\n", momentText(f.Time, s.Time), refusedName(&f), id,
			v.paint.warn(printable(f.What)), printable(f.Sentence))
	}
}

// listeners tells what the servers serve that listen.
func (v *statusPrinter) listeners(s *registry.Status) {
	t := table{columns: []column{{"LISTENER", false, 9}, {"PID", true, 3}, {"USER", false, 4},
		{"SERVES", false, 8}, {"SUBJECT", false, 5}, {"EXPIRES", false, 9}, {"AGE", true, 7}}}
	for i := range s.Listeners {
		l := &s.Listeners[i]
		for _, c := range l.Serves {
			name := c.Identity
			if name == "" {
				name = "(its own)"
			}
			t.add(nil, base(&l.Program), strconv.Itoa(l.Program.PID), userName(&l.Program), name, c.Subject,
				c.NotAfter.Local().Format("2006-01-02 15:04"), shortTime(s.Time.Sub(l.Began)))
		}
	}
	v.table(&t)
}

// lists tells of revocation lists that are not as they should be.
func (v *statusPrinter) lists(s *registry.Status) {
	for _, list := range s.Lists {
		if list.Problem != "" {
			fmt.Fprintln(v.out,
				v.paint.warn("! the revocation list "+printable(list.Path)+" "+printable(list.Problem)))
		}
	}
}

func (v *statusPrinter) certificates(s *registry.Status) {
	t := table{columns: []column{{"CERTIFICATE", false, 9}, {"EXPIRES", false, 9}, {"IN", true, 9},
		{"NAMES", false, 4}, {"PROFILES", false, 3}}}
	for _, c := range s.Certificates {
		left, as := shortTime(c.NotAfter.Sub(s.Time)), look(nil)
		if c.Soon {
			as = paint.warn
		}
		if !s.Time.Before(c.NotAfter) {
			left, as = "EXPIRED", paint.bad
		}
		if c.Soon {
			left = "! " + left
		}
		t.add(as, c.Identity, c.NotAfter.Local().Format("2006-01-02 15:04"), left,
			strings.Join(c.Names, " "), strings.Join(c.Profiles, " "))
	}
	v.table(&t)
}

// connection tells all of one connection.
func (v *statusPrinter) connection(c *registry.ConnectionInfo, now time.Time) {
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(v.out, "%s  %s\n", v.paint.bold(fmt.Sprintf("%13s", name)), printable(text))
		}
	}
	resumed := ""
	if c.State == "connected" {
		resumed = map[bool]string{true: "yes", false: "no, a full handshake"}[c.Resumed]
	}
	line("connection", fmt.Sprintf("%d, %s, %s", c.ID, c.Role, c.State))
	line("program", fmt.Sprintf("%s, process %d of %s", programName(&c.Program), c.Program.PID,
		userName(&c.Program)))
	line("profile", c.Program.Profile)
	line("cgroup", c.Program.Cgroup)
	line("asked for", c.Name)
	line("peer", c.Peer)
	line("peer is", c.PeerIdentity)
	line("our identity", c.Identity)
	line("version", c.Version)
	line("cipher suite", c.Suite)
	line("key exchange", c.Group)
	line("ALPN", c.ALPN)
	line("resumed", resumed)
	if c.Handshake > 0 {
		line("handshake", fmt.Sprintf("%.1f ms", 1000*c.Handshake))
	}
	line("began", fmt.Sprintf("%s, %s ago", c.Began.Local().Format("2006-01-02 15:04:05"),
		shortTime(now.Sub(c.Began))))
	line("last active", shortTime(now.Sub(c.Active))+" ago")
	line("sent", fmt.Sprintf("%s (%d bytes)", bytesText(c.Sent), c.Sent))
	line("received", fmt.Sprintf("%s (%d bytes)", bytesText(c.Received), c.Received))
}

func base(p *registry.ProgramInfo) string {
	if short := p.Short(); short != "" {
		return short
	}
	return "(unknown)"
}

func programName(p *registry.ProgramInfo) string {
	switch {
	case p.Script != "":
		return printable(p.Script)
	case p.Exe != "":
		return printable(p.Exe)
	}
	return "(unknown)"
}

// refusedName is the program of a refusal, as the gate says of one that has
// ended.
func refusedName(f *registry.Refusal) string {
	if f.Exe != "" {
		return printable(f.Exe) + " (as its gate says)"
	}
	return programName(&f.Program)
}

func userName(p *registry.ProgramInfo) string {
	if p.User != "" {
		return printable(p.User)
	}
	return strconv.FormatUint(uint64(p.UID), 10)
}

func peerText(c *registry.ConnectionInfo) string {
	if c.Role == "client" && c.Name != "" && c.Name != c.Peer {
		return c.Name
	}
	return c.Peer
}

func total(counts map[string]uint64) (n uint64) {
	for _, count := range counts {
		n += count
	}
	return n
}

func reasons(counts map[string]uint64) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[reason], printable(reason)))
	}
	return strings.Join(parts, ", ")
}
