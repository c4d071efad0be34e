//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/secure-socket-api/ssa/bench/measure"
	"github.com/secure-socket-api/ssa/bench/report"
)

// row is one thing to measure. open starts its servers, which stay for all
// rounds and are stopped after the row.
type row struct {
	report.Row
	open func(context.Context, *lab) ([]contender, error)
}

// contender is one way to do what a row measures.
type contender struct {
	name string
	run  func(context.Context) (report.Sample, error)
}

// measure gives every contender its turn, round after round. Each round begins
// with another one, so that no one always comes first.
func (l *lab) measure(ctx context.Context, r *row, rounds int) (err error) {
	defer func() {
		if stopErr := l.stopServers(); err == nil {
			err = stopErr
		}
	}()
	contenders, err := r.open(ctx, l)
	if err != nil {
		return err
	}
	for _, c := range contenders {
		r.Results = append(r.Results, report.Result{Name: c.name})
	}
	for round := range rounds {
		for i := range contenders {
			at := (round + i) % len(contenders)
			sample, err := contenders[at].run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", contenders[at].name, err)
			}
			r.Results[at].Samples = append(r.Results[at].Samples, sample)
		}
	}
	r.Finish()
	return nil
}

// cost runs f and adds to its sample the processor time that servers and the
// whole system used meanwhile.
func cost(f func() (report.Sample, error), servers ...*server) (report.Sample, error) {
	before, err := usage(servers)
	if err != nil {
		return report.Sample{}, err
	}
	busy, err := measure.Busy()
	if err != nil {
		return report.Sample{}, err
	}
	sample, err := f()
	if err != nil {
		return sample, err
	}
	busyAfter, err := measure.Busy()
	if err != nil {
		return sample, err
	}
	after, err := usage(servers)
	if err != nil {
		return sample, err
	}
	if sample.CPU == nil {
		sample.CPU = map[string]float64{}
	}
	for role := range after {
		sample.CPU[role] += (after[role] - before[role]).Seconds()
	}
	sample.CPU["system"] = (busyAfter - busy).Seconds()
	return sample, nil
}

// usage sums processor time by role.
func usage(servers []*server) (map[string]time.Duration, error) {
	sum := map[string]time.Duration{}
	for _, s := range servers {
		tree, err := s.tree()
		if err != nil {
			return nil, err
		}
		for _, p := range tree {
			sum[s.role(p)] += p.CPU
		}
	}
	return sum, nil
}

// spent is the processor time of the program and of who does TLS for it.
func spent(s report.Sample) float64 { return s.CPU["program"] + s.CPU["tls"] }
