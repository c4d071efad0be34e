// Package pages serves HTTP to a bounded number of connections, of which none
// keeps others out by waiting. It knows nothing of what is served.
package pages

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serve answers on a listener until ctx ends. There are at most as many
// connections as given: when one more comes, the one goes that has waited for
// a request for longest, or, where all have asked, the oldest. A web browser or
// a scraper simply comes again.
func Serve(ctx context.Context, l net.Listener, handler http.Handler, most int) error {
	g := &guests{most: most, at: map[net.Conn]*guest{}}
	server := &http.Server{
		Handler: handler, ConnState: g.changed,
		ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10,
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// guests are the open connections.
type guests struct {
	most int

	mu    sync.Mutex
	clock uint64 // counts changes
	at    map[net.Conn]*guest
}

type guest struct {
	came, since uint64 // by guests.clock: when it came, and began what it does
	asking      bool
}

// changed is http.Server.ConnState.
func (g *guests) changed(c net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock++
	switch state {
	case http.StateNew:
		g.at[c] = &guest{came: g.clock, since: g.clock}
		if len(g.at) > g.most {
			g.letGoLocked(c)
		}
	case http.StateActive, http.StateIdle:
		if one := g.at[c]; one != nil {
			one.since, one.asking = g.clock, state == http.StateActive
		}
	case http.StateClosed, http.StateHijacked:
		delete(g.at, c)
	}
}

// letGoLocked closes the connection that the newcomer takes the place of.
func (g *guests) letGoLocked(newcomer net.Conn) {
	var last net.Conn
	for c, one := range g.at {
		if c != newcomer && (last == nil || g.at[last].stays(one)) {
			last = c
		}
	}
	if last != nil {
		delete(g.at, last)
		last.Close()
	}
}

// stays reports whether a guest may stay rather than another one.
func (a *guest) stays(b *guest) bool {
	switch {
	case a.asking != b.asking:
		return a.asking
	case a.asking:
		return a.came > b.came
	}
	return a.since > b.since
}
