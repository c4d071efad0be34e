package main

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/policy/bundle"
)

// bundler loads a policy for another process: it keeps all that was read.
type bundler struct {
	source policySource

	mu    sync.Mutex
	data  []byte   // the bundle that was loaded last and is acceptable
	lists []string // local revocation lists that it names
}

// load loads the policy, and everything that is read when it is needed.
func (b *bundler) load() (*policy.Policy, error) {
	recorder := bundle.NewRecorder(policy.Machine())
	defer recorder.Clear()
	rules, err := b.source.from(recorder).load()
	if err != nil {
		return nil, err
	}
	lists := readAhead(rules)
	for _, name := range lists {
		// A list that cannot be read counts once somebody asks it.
		_, _ = fs.Stat(recorder, fsPath(name))
		_, _ = fs.ReadFile(recorder, fsPath(name))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.data)
	b.data, b.lists = recorder.Encode(), lists
	return rules, nil
}

// take returns the bundle of the policy that was loaded last, once.
func (b *bundler) take() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	data := b.data
	b.data = nil
	return data
}

// readAhead reads what a policy reads when it is first needed, and returns the
// local revocation lists, which are read again and again.
func readAhead(rules *policy.Policy) (lists []string) {
	for _, e := range append(rules.Profiles(), rules.Default()) {
		e.Roots()
		lists = append(lists, e.CRLFiles...)
	}
	return lists
}

// fsPath is a path as package fs has it.
func fsPath(path string) string { return strings.TrimPrefix(path, "/") }

// recheckLists is how often to look whether revocation lists have changed.
const recheckLists = 10 * time.Second

// watchLists calls changed when the local revocation lists change, until the
// result is called.
func (b *bundler) watchLists(changed func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(recheckLists)
		defer tick.Stop()
		known := b.listState()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if now := b.listState(); now != known {
				known = now
				changed()
			}
		}
	})
	return func() {
		cancel()
		work.Wait()
	}
}

// listState tells one state of the lists from another.
func (b *bundler) listState() string {
	b.mu.Lock()
	lists := b.lists
	b.mu.Unlock()
	state := ""
	for _, name := range lists {
		hash := stateOf([]string{name})
		state += name + string(hash[:])
	}
	return state
}
