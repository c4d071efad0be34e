// Package report says what a benchmark found: samples into medians and ratios,
// goals into met or missed, and all of it as a table, JSON and drawings. It
// measures nothing.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// Report is one run of the benchmark.
type Report struct {
	Date    time.Time `json:"date"`
	Machine Machine   `json:"machine"`
	Rounds  int       `json:"rounds"`
	Quick   bool      `json:"quick,omitempty"` // counts so small that figures mean nothing
	Rows    []*Row    `json:"rows"`
}

// Machine is where it ran, and what ran.
type Machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Kernel   string            `json:"kernel"`
	Memory   int64             `json:"memory_bytes"`
	Versions map[string]string `json:"versions"`
}

// Row is one thing measured, with all who did it.
type Row struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Unit    string   `json:"unit"` // of the first metric
	Metrics []string `json:"metrics"`
	More    bool     `json:"more_is_better,omitempty"`
	Results []Result `json:"results"`
	Goals   []Goal   `json:"goals"`
}

// Result is how one contender did, round by round.
type Result struct {
	Name    string   `json:"name"`
	Samples []Sample `json:"samples"`
	Median  Sample   `json:"median"`
}

// Sample is one round of one contender. CPU is in seconds: of the program, of
// what does TLS for it (ssa, a tunnel), of the peer, of the load, and of the
// whole system meanwhile.
type Sample struct {
	Values map[string]float64 `json:"values"`
	CPU    map[string]float64 `json:"cpu_seconds,omitempty"`
}

// Goal compares one contender's metric with another's, or with a number.
type Goal struct {
	Text    string  `json:"text"`
	Of      string  `json:"of"`
	Metric  string  `json:"metric"`
	Against string  `json:"against,omitempty"` // empty: the value itself counts
	Plus    string  `json:"plus,omitempty"`    // a contender.metric allowed on top of Against's
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"at_least,omitempty"` // else at most
	Value   float64 `json:"value"`
	Spread  Spread  `json:"spread"`
	Met     bool    `json:"met"`
	Missing string  `json:"missing,omitempty"` // why it could not be judged
}

// Spread is the least and the greatest of the rounds.
type Spread struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// Finish computes medians and judges the goals. Ratios are of the same round,
// so that what disturbed both at once cancels out; their median is the value.
func (r *Row) Finish() {
	for i := range r.Results {
		r.Results[i].Median = median(r.Results[i].Samples)
	}
	// A goal of somebody who did not take part is none of this run.
	r.Goals = slices.DeleteFunc(r.Goals, func(g Goal) bool { return r.result(g.Of) == nil })
	for i := range r.Goals {
		r.judge(&r.Goals[i])
	}
}

func (r *Row) result(name string) *Result {
	for i := range r.Results {
		if r.Results[i].Name == name {
			return &r.Results[i]
		}
	}
	return nil
}

func (r *Row) judge(g *Goal) {
	values, err := r.values(g)
	if err != nil {
		g.Missing = err.Error()
		return
	}
	g.Value = Median(values)
	g.Spread = Spread{slices.Min(values), slices.Max(values)}
	if g.AtLeast {
		g.Met = g.Value >= g.Limit
	} else {
		g.Met = g.Value <= g.Limit
	}
}

// values returns what a goal compares, round by round.
func (r *Row) values(g *Goal) ([]float64, error) {
	of, err := r.series(g.Of, g.Metric)
	if err != nil || g.Against == "" {
		return of, err
	}
	against, err := r.series(g.Against, g.Metric)
	if err != nil {
		return nil, err
	}
	if g.Plus != "" {
		hop, err := r.series(g.Plus, g.Metric)
		if err != nil {
			return nil, err
		}
		for i := range against[:min(len(against), len(hop))] {
			against[i] += hop[i]
		}
	}
	rounds := min(len(of), len(against))
	ratios := make([]float64, rounds)
	for i := range ratios {
		ratios[i] = of[i] / against[i]
		if math.IsNaN(ratios[i]) || math.IsInf(ratios[i], 0) {
			return nil, fmt.Errorf("%s of %s is 0", g.Metric, g.Against)
		}
	}
	return ratios, nil
}

func (r *Row) series(contender, metric string) ([]float64, error) {
	found := r.result(contender)
	if found == nil || len(found.Samples) == 0 {
		return nil, fmt.Errorf("%s was not measured", contender)
	}
	var values []float64
	for _, s := range found.Samples {
		v, ok := s.Values[metric]
		if !ok {
			return nil, fmt.Errorf("%s has no %s", contender, metric)
		}
		values = append(values, v)
	}
	return values, nil
}

// Median returns the middle of some values, NaN for none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func median(samples []Sample) Sample {
	of := func(part func(Sample) map[string]float64) map[string]float64 {
		series := map[string][]float64{}
		for _, s := range samples {
			for name, v := range part(s) {
				series[name] = append(series[name], v)
			}
		}
		medians := map[string]float64{}
		for name, values := range series {
			medians[name] = Median(values)
		}
		return medians
	}
	return Sample{
		Values: of(func(s Sample) map[string]float64 { return s.Values }),
		CPU:    of(func(s Sample) map[string]float64 { return s.CPU }),
	}
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}
