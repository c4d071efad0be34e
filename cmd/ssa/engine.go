package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/engine/local"
	"github.com/secure-socket-api/ssa/internal/engine/remote"
	"github.com/secure-socket-api/ssa/internal/engine/ticketstore"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/socket"
)

// Values of --engine.
const (
	engineAuto     = "auto"
	engineService  = "service"
	engineEmbedded = "embedded"
)

// engineOptions say who does TLS.
type engineOptions struct {
	which  string
	socket string
	wait   time.Duration
	// given says which flags are on the command line.
	given func(name string) bool
}

func (o *engineOptions) flags(c *cobra.Command) {
	f := c.Flags()
	o.given = f.Changed
	f.StringVar(&o.which, "engine", engineAuto, "who does TLS: `WHICH` is service (ssa daemon), embedded (ssa run itself),\nor auto: the service where it is there")
	f.StringVar(&o.socket, "socket", wire.DefaultPath, "where the service listens")
	f.DurationVar(&o.wait, "wait", 0, "how long new sockets wait for a service that is not there, for example 5s;\nwithout it they fail with ENETDOWN")
}

// chosen is the engine of a run, with the policy that holds at first.
type chosen struct {
	engine engine.Engine
	rules  *policy.Policy
	remote bool
	// says which profile a program has; nil: it is looked up here
	profile func(context.Context, engine.ProgramClaim) (string, error)
	denied  func(*engine.Denial) // told of what the gate refuses; nil for nobody
	told    func()               // waits until that is told, a second at most
	close   func()
	// follow passes later policies to the table. judged says that the gate
	// judges plain TCP. The result ends that.
	follow func(judged bool, apply func(*policy.Policy)) (stop func() error)
}

// chooseEngine finds the engine that the options ask for.
func (o *runOptions) chooseEngine(log, alarms *slog.Logger) (*chosen, error) {
	switch e := o.engine.which; {
	case e != engineAuto && e != engineService && e != engineEmbedded:
		return nil, &problem{what: "--engine is " + e + ", and must be auto, service or embedded",
			status: statusUsage}
	case e == engineService && o.policy != "":
		return nil, &problem{what: "--policy does not go with --engine service: the service has the policy",
			hint: "leave --policy out, or give it to ssa daemon", status: statusUsage}
	case o.engine.wait < 0:
		return nil,
			&problem{what: fmt.Sprintf("--wait is %v, and must not be below zero", o.engine.wait),
				status: statusUsage}
	case e == engineEmbedded, o.policy != "":
		for _, name := range []string{"socket", "wait"} {
			if o.engine.given(name) {
				return nil, &problem{what: "--" + name + " is about the service, and with --engine embedded or --policy ssa run does TLS itself",
					hint: "leave one of them out", status: statusUsage}
			}
		}
		return o.embedded(log, alarms)
	}
	if o.engine.which == engineAuto {
		if _, err := os.Stat(o.engine.socket); err != nil {
			if o.engine.given("socket") { // who names a service wants to know that it is not there
				alarms.Warn("TLS is done by ssa run itself: no service is running at " + o.engine.socket)
			}
			return o.embedded(log, alarms)
		}
	}
	return o.service(log, alarms)
}

func (o *runOptions) embedded(log, alarms *slog.Logger) (*chosen, error) {
	// Other users have no business with the tokens that the policy names.
	closeTokens := func() {}
	if os.Geteuid() == 0 {
		o.tokens = &tokens{log: alarms}
		closeTokens = func() { _ = o.tokens.close() } // the process ends
	}
	loaded := o.source().state()
	rules, err := o.loadPolicy()
	if err != nil {
		closeTokens()
		return nil, err
	}
	for _, w := range rules.Warnings() {
		log.Warn(w.String())
	}
	tickets := ticketstore.New(ticketstore.Config{Log: log})
	local := local.New(local.Config{Log: log, TicketSeeds: tickets.Seeds, Settled: returnMemory})
	follow := func(judged bool, apply func(*policy.Policy)) func() error {
		return startReloader(&reloader{source: o.source(), judged: judged, polls: true,
			apply: func(p *policy.Policy) { local.Renew(p); apply(p) }, log: log, alarms: alarms},
			loaded).close
	}
	return &chosen{engine: local, rules: rules,
		close: func() { local.Close(); tickets.Close(); closeTokens() }, follow: follow}, nil
}

// service connects to the service. With --engine auto one that does not answer
// is one that is not there.
func (o *runOptions) service(log, alarms *slog.Logger) (*chosen, error) {
	f := &follower{alarms: alarms}
	r := remote.New(remote.Config{Path: o.engine.socket, Agent: "ssa run " + version(),
		Wait: o.engine.wait, Log: log, SetPolicy: f.set})
	err := r.Available(context.Background())
	if err != nil && o.engine.which == engineAuto {
		told := alarms
		if nobodyListens(err) && !o.engine.given("socket") {
			told = log // as if it had never been there
		}
		told.Warn("TLS is done by ssa run itself: " + err.Error())
		r.Close()
		return o.embedded(log, alarms)
	}
	c := &chosen{engine: r, remote: true, profile: r.Profile, denied: r.Denied, told: r.DenialsTold,
		close: r.Close, follow: f.follow}
	if err == nil {
		c.rules = f.latest()
		return c, nil
	}
	// Sockets say ENETDOWN. Until the service is there, the machine's own files
	// say what holds for plain TCP.
	alarms.Warn(err.Error())
	if c.rules, err = o.loadPolicy(); err != nil {
		r.Close()
		return nil, err
	}
	return c, nil
}

// follower passes policies of the service on, once somebody wants them.
type follower struct {
	alarms *slog.Logger

	mu     sync.Mutex
	rules  *policy.Policy
	judged bool
	apply  func(*policy.Policy)
}

func (f *follower) set(rules *policy.Policy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = rules
	f.passOnLocked()
}

func (f *follower) latest() *policy.Policy {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rules
}

func (f *follower) follow(judged bool, apply func(*policy.Policy)) func() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.judged, f.apply = judged, apply
	f.passOnLocked()
	return func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.apply = nil
		return nil
	}
}

func (f *follower) passOnLocked() {
	if f.apply == nil || f.rules == nil {
		return
	}
	if !f.judged && socket.JudgesPlainTCP(f.rules) {
		f.alarms.Error("policy of the service not taken over: " + errJudges.Error())
		return
	}
	f.apply(f.rules)
}

// errJudges is why a policy cannot hold for programs that run already.
var errJudges = errors.New("it has rules for plain TCP (plain_tcp, upgrade), and had none when the program was started; start the program again")
