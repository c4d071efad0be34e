package seccomp

import (
	"errors"
	"fmt"
	"time"

	"github.com/secure-socket-api/ssa/internal/gate/seccomp/notify"
)

// lastWait is how long Run waits for calls under way when no program is left.
// They are quick, unless they look at what somebody else keeps from them: memory
// of a program that has ended, for one. What is stuck so cannot be cancelled.
const lastWait = time.Second

// Run answers calls until no program is left under the filter, and until all
// calls under way have been answered that can be.
func (g *Gate) Run() error {
	// Not on the caller's goroutine: one that is bound to a thread is slow to
	// be woken.
	g.goReceive()
	err := <-g.failed
	if err != nil {
		err = errors.Join(err, g.cfg.Listener.Close()) // nobody waits for an answer in vain
	}
	g.watch.set(nil)
	g.mu.Lock()
	g.ended = true
	g.mu.Unlock()
	close(g.over)
	answered := make(chan struct{})
	go func() {
		g.work.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(lastWait):
	}
	g.handles.Close()
	return err
}

// goReceive makes receiving the duty of a new goroutine.
func (g *Gate) goReceive() {
	d := &duty{}
	g.watch.set(d)
	go func() {
		if err, over := g.receive(d); over {
			g.failed <- err
		}
	}()
}

// receive takes calls on, until it is relieved or receiving is over. A call
// that is answered at once is answered here. When calls come faster than that,
// others help.
func (g *Gate) receive(d *duty) (err error, over bool) {
	for {
		n, more, err := g.cfg.Listener.Receive()
		switch {
		case errors.Is(err, notify.ErrGone):
			continue
		case errors.Is(err, notify.ErrEnded):
			return nil, true
		case err != nil:
			return fmt.Errorf("receiving system calls: %w", err), true
		}
		if more {
			g.getHelp()
		}
		if !g.begin() {
			continue
		}
		if c := (&call{gate: g, Call: n}); g.watch.careful.Load() {
			go g.dispatch(c)
			continue
		} else {
			d.begin()
			if !g.watch.watching.Load() && g.watch.watching.CompareAndSwap(false, true) {
				g.startWatching()
			}
			g.dispatch(c)
		}
		if !d.done() {
			return nil, false
		}
	}
}

// startWatching starts the goroutine that relieves the one that receives.
func (g *Gate) startWatching() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.work.Go(g.attend)
	}
}

// begin counts a call among those under way; false when none is taken on.
func (g *Gate) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return false
	}
	g.work.Add(1)
	return true
}

// getHelp lets another goroutine take calls on as long as there are some, if
// there is a processor for it.
func (g *Gate) getHelp() {
	select {
	case g.helpers <- struct{}{}:
	default:
		return
	}
	g.work.Go(func() {
		defer func() { <-g.helpers }()
		for {
			n, found, err := g.cfg.Listener.TryReceive()
			switch {
			case errors.Is(err, notify.ErrGone):
				continue
			case !found, err != nil: // receive meets the same error
				return
			}
			if !g.begin() {
				return
			}
			if c := (&call{gate: g, Call: n}); g.watch.careful.Load() {
				go g.dispatch(c)
			} else {
				g.dispatch(c)
			}
		}
	})
}
