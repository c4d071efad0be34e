//go:build linux

// Command bench measures ssa beside what a user would pick instead, on this
// machine, with the same programs and the same load: OpenSSL in the program,
// nginx's own TLS, stunnel, hitch, HAProxy and a TLS tunnel in Go. Rounds of
// all contenders alternate; it reports medians, and ratios within rounds. It
// uses loopback alone and leaves no process behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/secure-socket-api/ssa/bench/report"
)

type options struct {
	only, mode, out, ssa, before string
	rounds                       int
	quick, list                  bool
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "measure only rows whose name begins so (several: comma-separated)")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each contender has its turn")
	flag.StringVar(&o.mode, "ssa-mode", "both", "how programs get TLS: embedded, service or both")
	flag.StringVar(&o.out, "out", "", "write results.json and drawings into this folder")
	flag.StringVar(&o.ssa, "ssa", "", "measure this ssa command instead of building one")
	flag.StringVar(&o.before, "before", "", "measure this ssa command too, as \"ssa before\"")
	flag.BoolVar(&o.quick, "quick", false, "tiny counts: shows that everything runs, the figures mean nothing")
	flag.BoolVar(&o.list, "list", false, "list the rows and end")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := o.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context, w io.Writer) (err error) {
	chosen := o.choose(rows(o.quick))
	if o.list || len(chosen) == 0 {
		for _, r := range rows(o.quick) {
			fmt.Fprintf(w, "%-19s %s\n", r.Name, r.Title)
		}
		if !o.list {
			return fmt.Errorf("no row begins with %q", o.only)
		}
		return nil
	}
	if o.rounds < 1 {
		return errors.New("at least one round is needed")
	}
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	result := &report.Report{Date: time.Now().UTC().Truncate(time.Second), Machine: l.machine(ctx),
		Rounds: o.rounds, Quick: o.quick}
	for _, r := range chosen {
		if err := l.measure(ctx, r, o.rounds); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		result.Rows = append(result.Rows, &r.Row)
		if err := r.Table(w); err != nil {
			return err
		}
	}
	if err := result.Summary(w); err != nil {
		return err
	}
	if o.out == "" {
		return nil
	}
	return save(result, o.out)
}

func (o *options) choose(all []*row) []*row {
	if o.only == "" {
		return all
	}
	var chosen []*row
	for _, r := range all {
		for prefix := range strings.SplitSeq(o.only, ",") {
			if strings.HasPrefix(r.Name, prefix) {
				chosen = append(chosen, r)
				break
			}
		}
	}
	return chosen
}
