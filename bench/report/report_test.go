package report

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func samples(metric string, values ...float64) []Sample {
	var all []Sample
	for _, v := range values {
		all = append(all, Sample{Values: map[string]float64{metric: v},
			CPU: map[string]float64{"tls": v / 10}})
	}
	return all
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 2, 3}, 2.5},
	} {
		if got := Median(c.values); got != c.want {
			t.Errorf("%v: %v, not %v", c.values, got, c.want)
		}
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("nothing has the median %v", got)
	}
}

// TestGoals: the ratio is that of each round, not that of the medians, which
// would be 20/20 here.
func TestGoals(t *testing.T) {
	row := func(g Goal) Goal {
		g.Metric = "ms"
		r := Row{
			Results: []Result{
				{Name: "ssa", Samples: samples("ms", 10, 20, 30)},
				{Name: "other", Samples: samples("ms", 20, 10, 60)},
				{Name: "hop", Samples: samples("ms", 20, 30, 0)},
				{Name: "none", Samples: samples("ms", 0, 0, 0)},
				{Name: "slower", Samples: samples("s", 1, 1, 1)},
			},
			Goals: []Goal{g},
		}
		r.Finish()
		if len(r.Goals) == 0 {
			return Goal{Text: "gone"}
		}
		return r.Goals[0]
	}
	for _, c := range []struct {
		name    string
		goal    Goal
		value   float64
		met     bool
		missing string
	}{
		{name: "at most, met", goal: Goal{Of: "ssa", Against: "other", Limit: 0.5}, value: 0.5, met: true},
		{name: "at most, missed", goal: Goal{Of: "ssa", Against: "other", Limit: 0.49}, value: 0.5},
		{name: "at least, met", goal: Goal{Of: "ssa", Against: "other", Limit: 0.5, AtLeast: true}, value: 0.5, met: true},
		{name: "at least, missed", goal: Goal{Of: "ssa", Against: "other", Limit: 0.6, AtLeast: true}, value: 0.5},
		{name: "a value", goal: Goal{Of: "ssa", Limit: 20}, value: 20, met: true},
		{name: "with something on top", goal: Goal{Of: "ssa", Against: "other", Plus: "hop", Limit: 0.5}, value: 0.5, met: true},
		{name: "against nobody", goal: Goal{Of: "ssa", Against: "absent", Limit: 1}, missing: "absent was not measured"},
		{name: "nothing on top", goal: Goal{Of: "ssa", Against: "other", Plus: "absent", Limit: 1}, missing: "absent was not measured"},
		{name: "against another metric", goal: Goal{Of: "ssa", Against: "slower", Limit: 1}, missing: "slower has no ms"},
		{name: "against zero", goal: Goal{Of: "ssa", Against: "none", Limit: 1}, missing: "ms of none is 0"},
	} {
		got := row(c.goal)
		if got.Met != c.met || got.Value != c.value || got.Missing != c.missing {
			t.Errorf("%s: met %v, value %v, missing %q", c.name, got.Met, got.Value, got.Missing)
		}
	}
	if got := row(Goal{Of: "absent", Against: "other", Limit: 1}); got.Text != "gone" {
		t.Errorf("a goal of somebody who did not take part is reported: %+v", got)
	}
}

func finished() *Row {
	r := &Row{
		Name: "bulk", Title: "Bulk & more", Unit: "GB/s", Metrics: []string{"GB/s", "cpu_s"}, More: true,
		Results: []Result{{Name: "ssa", Samples: samples("GB/s", 0.5, 1.25, 7)},
			{Name: "<openssl>", Samples: samples("GB/s", 1, 1, 2)}},
		Goals: []Goal{{Text: "beat it", Of: "ssa", Metric: "GB/s", Against: "<openssl>", Limit: 1.25,
			AtLeast: true}},
	}
	r.Finish()
	return r
}

func TestTable(t *testing.T) {
	var out strings.Builder
	if err := finished().Table(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Bulk & more (bulk)", "1.250", "cpu tls", "0.125", "met    beat it: 1.250 (rounds 0.500 to 3.500)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	out.Reset()
	report := &Report{Rows: []*Row{finished()}}
	if err := report.Summary(&out); err != nil || !strings.Contains(out.String(), "1 of 1 goals met") {
		t.Errorf("%v, summary:\n%s", err, out.String())
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := (&Report{Rounds: 3, Rows: []*Row{finished()}}).WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Rounds != 3 || len(back.Rows) != 1 ||
		back.Rows[0].Results[0].Median.Values["GB/s"] != 1.25 || !back.Rows[0].Goals[0].Met {
		t.Errorf("read back: %+v", back)
	}
}

func TestDescribe(t *testing.T) {
	for want, g := range map[string]Goal{
		"ssa: ms at most 10":                      {Of: "ssa", Metric: "ms", Limit: 10},
		"ssa: ms at most 0.15 of openssl":         {Of: "ssa", Metric: "ms", Limit: 0.15, Against: "openssl"},
		"ssa: GB/s at least 1.3 of hitch":         {Of: "ssa", Metric: "GB/s", Limit: 1.3, Against: "hitch", AtLeast: true},
		"ssa: 20 at once at most 0.6 of openssl":  {Of: "ssa", Metric: "20", Limit: 0.6, Against: "openssl"},
		"ssa: p50 at most 1 of openssl and a hop": {Of: "ssa", Metric: "p50", Limit: 1, Against: "openssl", Plus: "hop"},
	} {
		if got := g.Describe(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestPage(t *testing.T) {
	r := Report{Rounds: 3, Rows: []*Row{finished()},
		Machine: Machine{CPU: "a|b <c>", Versions: map[string]string{"go": "go1"}}}
	r.Rows[0].Goals = append(r.Rows[0].Goals, Goal{Text: "else", Missing: "nobody did"})
	var out strings.Builder
	if err := r.Page(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"- machine: a/b c,", "- go: go1\n", "![Bulk & more](bulk.svg)", "| openssl | 1.000 |",
		"| bulk | beat it | 1.250 | 0.500 to 3.500 | met |", "not judged: nobody did",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}
