package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Page writes the report as Markdown, with each row's drawing, NAME.svg, beside
// its figures.
func (r *Report) Page(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Results\n\nWritten by `make bench`; [README.md](README.md) says how to read it. Figures are medians of ")
	fmt.Fprintf(&b, "%d rounds of %s.\n\n", r.Rounds, r.Date.Format("2006-01-02 15:04 MST"))
	if r.Quick {
		b.WriteString("**A quick run: the figures mean nothing.**\n\n")
	}
	m := r.Machine
	fmt.Fprintf(&b, "- machine: %s, %d processors, %.0f GiB\n- kernel: Linux %s\n", clean(m.CPU), m.Cores, float64(m.Memory)/(1<<30), clean(m.Kernel))
	for _, tool := range slices.Sorted(maps.Keys(m.Versions)) {
		fmt.Fprintf(&b, "- %s: %s\n", clean(tool), clean(m.Versions[tool]))
	}
	b.WriteString("\n")
	r.goalsTable(&b)
	for _, row := range r.Rows {
		row.page(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) goalsTable(b *strings.Builder) {
	b.WriteString("| row | goal | median | rounds | |\n| --- | --- | --- | --- | --- |\n")
	for _, row := range r.Rows {
		for _, g := range row.Goals {
			if g.Missing != "" {
				fmt.Fprintf(b, "| %s | %s | | | not judged: %s |\n", row.Name, clean(g.Text), clean(g.Missing))
				continue
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s to %s | %s |\n", row.Name, clean(g.Text), number(g.Value), number(g.Spread.Min), number(g.Spread.Max), g.verdict())
		}
	}
}

func (r *Row) page(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n![%s](%s.svg)\n\n", clean(r.Title), clean(r.Title), r.Name)
	roles := r.roles()
	b.WriteString("| |")
	for _, m := range r.Metrics {
		fmt.Fprintf(b, " %s |", m)
	}
	for _, role := range roles {
		fmt.Fprintf(b, " CPU s, %s |", role)
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", 1+len(r.Metrics)+len(roles)) + "\n")
	for _, x := range r.Results {
		fmt.Fprintf(b, "| %s |", clean(x.Name))
		for _, m := range r.Metrics {
			fmt.Fprintf(b, " %s |", cell(x.Median.Values, m))
		}
		for _, role := range roles {
			fmt.Fprintf(b, " %s |", cell(x.Median.CPU, role))
		}
		b.WriteString("\n")
	}
}

// clean keeps what tools say of themselves out of Markdown's way.
func clean(s string) string {
	return strings.NewReplacer("|", "/", "<", "", ">", "", "[", "(", "]", ")", "\n", " ").Replace(s)
}
