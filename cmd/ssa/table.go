package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// column is one of a table. Those of little weight go first when a terminal is
// too narrow.
type column struct {
	name   string
	right  bool // aligned
	weight int
}

type table struct {
	columns []column
	rows    []row
}

type row struct {
	as    look
	cells []string
}

// look paints a row; nil leaves it like the others.
type look func(paint, string) string

// add adds a row of text from anywhere, which does not decide how it looks.
func (t *table) add(as look, cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	t.rows = append(t.rows, row{as, cells})
}

// gap is what is between two columns.
const gap = 2

// fit returns the columns that have something to show and fit a width, zero
// being wide enough for all, and how wide each column is.
func (t *table) fit(width int) (shown []int, widths []int) {
	widths = make([]int, len(t.columns))
	sum := -gap
	for i, c := range t.columns {
		filled := false
		widths[i] = utf8.RuneCountInString(c.name)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row.cells[i]))
			filled = filled || row.cells[i] != ""
		}
		if filled {
			shown = append(shown, i)
			sum += widths[i] + gap
		}
	}
	for width > 0 && sum > width && len(shown) > 1 {
		least := 0
		for at, i := range shown {
			if t.columns[i].weight <= t.columns[shown[least]].weight {
				least = at
			}
		}
		sum -= widths[shown[least]] + gap
		shown = append(shown[:least], shown[least+1:]...)
	}
	return shown, widths
}

func (v *statusPrinter) table(t *table) {
	if len(t.rows) == 0 {
		return
	}
	shown, widths := t.fit(v.width)
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	fmt.Fprintf(v.out, "\n%s\n", v.paint.bold(t.line(names, shown, widths)))
	for _, row := range t.rows {
		line := t.line(row.cells, shown, widths)
		if row.as != nil {
			line = row.as(v.paint, line)
		}
		fmt.Fprintln(v.out, line)
	}
}

func (t *table) line(row []string, shown, widths []int) string {
	var b strings.Builder
	for at, i := range shown {
		if at > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(row[i]))
		if t.columns[i].right {
			b.WriteString(pad + row[i])
		} else {
			b.WriteString(row[i] + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// none leaves zeros out, so that what is there is seen.
func none(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// counted is a number with its word.
func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// bytesText tells a number of bytes in three digits.
func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= 999.5 && unit < 6 {
		value /= 1000
		unit++
	}
	digits := 2
	switch {
	case value >= 99.95:
		digits = 0
	case value >= 9.995:
		digits = 1
	}
	return fmt.Sprintf("%.*f %cB", digits, value, " kMGTPE"[unit])
}

// momentText tells when something was or will be: the time of day, and the day
// if that is another one than now's.
func momentText(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}

// shortTime tells a time in its two largest units.
func shortTime(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
}
