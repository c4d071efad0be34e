package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// Profile asks the service which profile of its policy a program has. It alone
// knows: what is at a path here need not be what is there on the machine.
func (e *Engine) Profile(ctx context.Context, p engine.ProgramClaim) (string, error) {
	for range attempts {
		l, err := e.current(ctx)
		if err != nil {
			return "", err
		}
		known, name := l.profiles.find(p)
		if known {
			return name, nil
		}
		at := time.Now()
		if name, err = l.profile(ctx, p); err == nil {
			l.profiles.keep(p, name, at)
		}
		if !errors.Is(err, errMoved) {
			return name, err
		}
		l.retire()
	}
	return "", down(errMoved)
}

func (l *link) profile(ctx context.Context, p engine.ProgramClaim) (string, error) {
	ref, answer := l.ref()
	if err := l.conn.Send(&wire.Identify{Ref: ref, Exe: p.Exe, ExeFile: p.File},
		p.Process.Int()); err != nil {
		return "", down(err)
	}
	select {
	case a := <-answer:
		switch m := a.(type) {
		case *wire.Identified:
			return m.Profile, nil
		case *wire.Refused:
			return "", refusal(m)
		}
		return "", down(fmt.Errorf("it answered Identify with %T", a))
	case <-l.down:
		return "", down(errLost)
	case <-ctx.Done():
		return "",
			&engine.Error{Reason: engine.Cancelled, Sentence: "nobody waited for the program's profile",
				Err: ctx.Err()}
	}
}

// freshProfile is how long it holds what the service said of a process that
// executes the same file, as it does there.
const freshProfile = 200 * time.Millisecond

// maxProfiles bounds what is remembered.
const maxProfiles = 1024

// profiles remembers what the service said, until it says that it has another
// policy.
type profiles struct {
	mu    sync.Mutex
	known map[profiled]knownProfile
}

type profiled struct {
	process   sys.PidfdID
	exe, file string
}

type knownProfile struct {
	name string
	at   time.Time
}

func (p *profiles) find(of engine.ProgramClaim) (known bool, name string) {
	process, ok := sys.IDOfPidfd(of.Process.Int())
	p.mu.Lock()
	defer p.mu.Unlock()
	k, found := p.known[profiled{process, of.Exe, of.File}]
	return ok && found && time.Since(k.at) < freshProfile, k.name
}

func (p *profiles) keep(of engine.ProgramClaim, name string, at time.Time) {
	process, ok := sys.IDOfPidfd(of.Process.Int())
	if !ok || of.File == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) >= maxProfiles {
		p.known = map[profiled]knownProfile{}
	}
	p.known[profiled{process, of.Exe, of.File}] = knownProfile{name, at}
}

func (p *profiles) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = nil
}
