package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Table writes a row for people: who took how much, and how the goals stand.
func (r *Row) Table(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s (%s)\n", r.Title, r.Name)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	roles := r.roles()
	fmt.Fprintf(t, "\t%s\t", strings.Join(r.Metrics, "\t"))
	for _, role := range roles {
		fmt.Fprintf(t, "cpu %s\t", role)
	}
	fmt.Fprintln(t)
	for _, result := range r.Results {
		fmt.Fprintf(t, "%s\t", result.Name)
		for _, metric := range r.Metrics {
			fmt.Fprintf(t, "%s\t", cell(result.Median.Values, metric))
		}
		for _, role := range roles {
			fmt.Fprintf(t, "%s\t", cell(result.Median.CPU, role))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	for _, g := range r.Goals {
		fmt.Fprintf(&b, "  %s\n", g.String())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// roles returns who used processor time in this row, in a fixed order.
func (r *Row) roles() []string {
	var found []string
	for _, role := range []string{"program", "tls", "peer", "load", "system"} {
		if slices.ContainsFunc(r.Results,
			func(x Result) bool { _, ok := x.Median.CPU[role]; return ok }) {
			found = append(found, role)
		}
	}
	return found
}

func cell(values map[string]float64, name string) string {
	v, ok := values[name]
	if !ok {
		return "-"
	}
	return number(v)
}

// number writes three or four digits that matter.
func number(v float64) string {
	switch abs := max(v, -v); {
	case abs >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case abs >= 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case abs >= 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// String says what a goal is and how it stands.
func (g Goal) String() string {
	if g.Missing != "" {
		return fmt.Sprintf("?      %s: not judged: %s", g.Text, g.Missing)
	}
	return fmt.Sprintf("%-6s %s: %s (rounds %s to %s)", g.verdict(), g.Text, number(g.Value),
		number(g.Spread.Min), number(g.Spread.Max))
}

func (g Goal) verdict() string {
	if g.Met {
		return "met"
	}
	return "missed"
}

// Summary writes the goals that are not met, one line each.
func (r *Report) Summary(w io.Writer) error {
	var b strings.Builder
	met, judged := 0, 0
	for _, row := range r.Rows {
		for _, g := range row.Goals {
			if g.Missing == "" {
				judged++
			}
			if g.Met {
				met++
				continue
			}
			fmt.Fprintf(&b, "  %-19s %s\n", row.Name, g.String())
		}
	}
	_, err := fmt.Fprintf(w, "\n%d of %d goals met\n%s", met, judged, b.String())
	return err
}

// Describe writes a goal as a sentence.
func (g Goal) Describe() string {
	bound := "at most"
	if g.AtLeast {
		bound = "at least"
	}
	what := g.Metric
	if _, err := strconv.Atoi(what); err == nil { // a count of processes
		what += " at once"
	}
	text := fmt.Sprintf("%s: %s %s %s", g.Of, what, bound, strconv.FormatFloat(g.Limit, 'g', -1, 64))
	if g.Against != "" {
		text += " of " + g.Against
	}
	if g.Plus != "" {
		text += " and a " + g.Plus
	}
	return text
}
