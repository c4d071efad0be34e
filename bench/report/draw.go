package report

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Drawings are SVG without scripts or fonts of their own. Colours follow the
// reader's scheme, light or dark.
const style = `<style>
.back{fill:#fff}.ink{fill:#1f2328}.faint{fill:#59636e}.line{stroke:#d1d9e0;fill:none}
.ours{fill:#0969da;stroke:#0969da}.other{fill:#8c959f;stroke:#8c959f}.third{fill:#bf8700;stroke:#bf8700}.fourth{fill:#1a7f37;stroke:#1a7f37}
.curve{fill:none;stroke-width:2}.whisker{stroke:#1f2328;stroke-width:1.5}
@media(prefers-color-scheme:dark){.back{fill:#0d1117}.ink{fill:#f0f6fc}.faint{fill:#9198a1}.line{stroke:#3d444d}
.ours{fill:#4493f8;stroke:#4493f8}.other{fill:#656c76;stroke:#656c76}.third{fill:#d29922;stroke:#d29922}.fourth{fill:#3fb950;stroke:#3fb950}.curve{fill:none}.whisker{stroke:#f0f6fc}}
.curve{fill:none}text{font:13px system-ui,sans-serif}.title{font-weight:600;font-size:15px}
</style>
`

const (
	width  = 760
	margin = 16
)

func begin(b *strings.Builder, height int, title, subtitle string) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(b, "<title>%s</title>\n%s", html.EscapeString(title), style)
	fmt.Fprintf(b, `<rect class="back" width="%d" height="%d" rx="6"/>`+"\n", width, height)
	text(b, margin, 28, "ink title", "start", title)
	text(b, margin, 47, "faint", "start", subtitle)
}

func text(b *strings.Builder, x, y float64, class, anchor, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
}

func ours(name string) bool { return strings.HasPrefix(name, "ssa") }

// Bars draws the row's first metric: one bar for each contender, the median,
// with a whisker from the least to the greatest round.
func (r *Row) Bars(w io.Writer) error {
	metric := r.Metrics[0]
	better := "less is better"
	if r.More {
		better = "more is better"
	}
	const left, right, top, pitch = 140, 80, 66, 28
	results := slices.DeleteFunc(slices.Clone(r.Results),
		func(x Result) bool { _, ok := x.Median.Values[metric]; return !ok })
	if len(results) == 0 {
		return fmt.Errorf("nothing to draw: nobody has %s", metric)
	}
	longest := 0.0
	for _, x := range results {
		for _, s := range x.Samples {
			longest = max(longest, s.Values[metric])
		}
	}
	if longest <= 0 {
		longest = 1
	}
	scale := func(v float64) float64 { return left + max(0, v)/longest*(width-left-right-margin) }
	var b strings.Builder
	begin(&b, top+pitch*len(results)+margin, r.Title, metric+" ("+r.Unit+"), "+better)
	for i, x := range results {
		y := float64(top + i*pitch)
		class := "other"
		if ours(x.Name) {
			class = "ours"
		}
		v := x.Median.Values[metric]
		text(&b, left-8, y+14, "ink", "end", x.Name)
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%.1f" width="%.1f" height="18" rx="2"/>`+"\n", class, left, y, max(1, scale(v)-left))
		least, most := v, v
		for _, s := range x.Samples {
			least, most = min(least, s.Values[metric]), max(most, s.Values[metric])
		}
		fmt.Fprintf(&b, `<path class="whisker" d="M%.1f %.1fH%.1f"/>`+"\n", scale(least), y+9, scale(most))
		text(&b, scale(most)+8, y+14, "ink", "start", number(v))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Curves draws a row whose metrics are counts: one curve for each contender,
// both axes logarithmic.
func (r *Row) Curves(w io.Writer) error {
	const left, right, top, bottom, height = 60, 150, 66, 40, 380
	xs, lowX, highX, err := counts(r.Metrics)
	if err != nil {
		return err
	}
	lowY, highY := math.Inf(1), 0.0
	for _, x := range r.Results {
		for _, m := range r.Metrics {
			if v := x.Median.Values[m]; v > 0 {
				lowY, highY = min(lowY, v), max(highY, v)
			}
		}
	}
	if highY == 0 {
		return fmt.Errorf("nothing to draw in %s", r.Name)
	}
	lowY, highY = math.Pow(10, math.Floor(math.Log10(lowY))),
		math.Pow(10, math.Ceil(math.Log10(highY)))
	if lowY == highY {
		highY *= 10
	}
	at := func(v, low, high, from, to float64) float64 {
		if high == low {
			return from
		}
		return from + math.Log(v/low)/math.Log(high/low)*(to-from)
	}
	px := func(v float64) float64 { return at(v, lowX, highX, left, width-right) }
	py := func(v float64) float64 { return at(v, lowY, highY, height-bottom, top) }
	var b strings.Builder
	begin(&b, height, r.Title, r.Unit+", less is better; both axes logarithmic")
	for v := lowY; v <= highY*1.001; v *= 10 {
		fmt.Fprintf(&b, `<path class="line" d="M%d %.1fH%d"/>`+"\n", left, py(v), width-right)
		text(&b, left-8, py(v)+4, "faint", "end", strconv.FormatFloat(v, 'g', -1, 64))
	}
	for i, m := range r.Metrics {
		text(&b, px(xs[i]), height-bottom+20, "faint", "middle", m)
	}
	r.plot(&b, xs, px, py, width-right)
	b.WriteString("</svg>\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// plot draws the curves, and beside the last point of each its name, where
// names do not lie on each other.
func (r *Row) plot(b *strings.Builder, xs []float64, px, py func(float64) float64, edge float64) {
	type label struct {
		y           float64
		name, class string
	}
	var labels []label
	others := []string{"other", "third", "fourth"}
	for _, x := range r.Results {
		class := "ours"
		if !ours(x.Name) {
			class, others = others[0], append(others[1:], others[0])
		}
		var d strings.Builder
		last := 0.0
		for i, m := range r.Metrics {
			v := x.Median.Values[m]
			if v <= 0 {
				continue
			}
			verb := "L"
			if d.Len() == 0 {
				verb = "M"
			}
			fmt.Fprintf(&d, "%s%.1f %.1f", verb, px(xs[i]), py(v))
			fmt.Fprintf(b, `<circle class="%s" cx="%.1f" cy="%.1f" r="3"/>`+"\n", class, px(xs[i]), py(v))
			last = py(v)
		}
		fmt.Fprintf(b, `<path class="%s curve" d="%s"%s/>`+"\n", class, d.String(), dash(x.Name))
		labels = append(labels, label{last, x.Name, class})
	}
	slices.SortFunc(labels, func(a, b label) int { return int(math.Copysign(1, a.y-b.y)) })
	for i := range labels {
		if i > 0 {
			labels[i].y = max(labels[i].y, labels[i-1].y+17)
		}
		fmt.Fprintf(b, `<circle class="%s" cx="%.1f" cy="%.1f" r="4"/>`+"\n", labels[i].class, edge+12, labels[i].y)
		text(b, edge+22, labels[i].y+4, "ink", "start", labels[i].name)
	}
}

// dash tells our ways apart, which have one colour.
func dash(name string) string {
	if ours(name) && name != "ssa" {
		return ` stroke-dasharray="6 4"`
	}
	return ""
}

func counts(metrics []string) (xs []float64, low, high float64, err error) {
	for _, m := range metrics {
		x, err := strconv.ParseFloat(m, 64)
		if err != nil || x <= 0 {
			return nil, 0, 0, fmt.Errorf("%q is no count to draw", m)
		}
		xs = append(xs, x)
	}
	if len(xs) == 0 {
		return nil, 0, 0, fmt.Errorf("no counts to draw")
	}
	return xs, slices.Min(xs), slices.Max(xs), nil
}
