package main

import (
	"fmt"
	"strings"
)

func (r *explained) print(b *strings.Builder, paint paint) {
	line := func(name, value string) { fmt.Fprintf(b, "%-10s%s\n", name, printable(value)) }
	if r.Script != "" {
		line("script", r.Script)
		line("run by", r.Exe)
	} else {
		line("program", r.Exe)
	}
	line("user", r.User+", group "+r.Group)
	if r.Cgroup != "" {
		line("cgroup", r.Cgroup)
	}
	fmt.Fprintf(b, "%-10s%s\n", "profile", paint.bold(printable(r.Profile)))
	r.printSettings(b, paint)
	r.printOptions(b, paint)
	if r.To != nil {
		r.To.print(b, paint)
	}
}

// printSettings shows what the administrator wrote before what is built in.
func (r *explained) printSettings(b *strings.Builder, paint paint) {
	var set, other, missing []settingRow
	for _, s := range r.Settings {
		switch s.From {
		case builtIn:
			other = append(other, s)
		case notInForce:
			missing = append(missing, s)
		default:
			set = append(set, s)
		}
	}
	if len(set) > 0 {
		b.WriteString("\nThe policy says\n")
	}
	for _, s := range set {
		fmt.Fprintf(b, "  %s: %s  %s\n", s.Key, paint.bold(wrapped(printable(s.Value))),
			paint.dim("# "+printable(homely(s.From))))
	}
	b.WriteString("\nBuilt-in, since the policy does not say\n")
	for _, s := range other {
		fmt.Fprintf(b, "  %s: %s\n", s.Key, wrapped(printable(s.Value)))
	}
	if len(missing) > 0 {
		b.WriteString("\nNot in force, since this version does not have it yet\n")
	}
	for _, s := range missing {
		fmt.Fprintf(b, "  %s\n", s.Key)
	}
}

// printOptions shows what the program may still change.
func (r *explained) printOptions(b *strings.Builder, paint paint) {
	b.WriteString("\nThe program may still set\n")
	var refused []string
	for _, o := range r.Options {
		if o.Allowed {
			fmt.Fprintf(b, "  %-30s %s\n", o.Option, o.How)
		} else {
			refused = append(refused, o.Option)
		}
	}
	if len(refused) > 0 {
		fmt.Fprintf(b, "and, as program_options says, it may not set\n  %s\n", paint.warn(wrapped(strings.Join(refused, ", "))))
	}
}

func (v *peerVerdict) print(b *strings.Builder, paint paint) {
	fmt.Fprintf(b, "\nTo %s\n", printable(v.Peer))
	word := paint.good("connections are allowed")
	if !v.Allowed {
		word = paint.bad("connections are not allowed")
	}
	fmt.Fprintf(b, "  %s: %s\n", word, printable(v.Why))
	fmt.Fprintf(b, "  plain TCP: %s\n", printable(v.PlainTCP))
	if len(v.Pins) == 0 {
		b.WriteString("  no pins: any key whose certificate is trusted\n")
		return
	}
	fmt.Fprintf(b, "  only with a key of trust.pins (%s)\n", printable(homely(v.PinsFrom)))
	for _, pin := range v.Pins {
		fmt.Fprintf(b, "    %s\n", pin)
	}
}

// wrapped breaks a long list after its commas.
func wrapped(list string) string {
	const width = 76
	if len(list) <= width {
		return list
	}
	var b strings.Builder
	used := 24 // the key
	for i, item := range strings.Split(list, ", ") {
		if i > 0 {
			b.WriteByte(',')
			if used += len(item) + 2; used > width {
				b.WriteString("\n     ")
				used = len(item)
			}
			b.WriteByte(' ')
		}
		if i == 0 {
			used += len(item)
		}
		b.WriteString(item)
	}
	return b.String()
}
