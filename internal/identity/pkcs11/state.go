package pkcs11

import (
	"errors"
	"fmt"
	"time"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

var (
	errStarting = errors.New("ssa-pkcs11 is being started")
	errAnother  = errors.New("ssa-pkcs11 was restarted meanwhile")
)

// state is whether somebody answers a client, guarded by the client's mu.
//
//	         greeted                ready
//	starting ───────▶ told its keys ─────▶ there     (the owner)
//	         ───────────────────────────▶            (a user)
//	    ▲ greeted                             │ setDown
//	    └──────────────────── down ◀──────────┘
type state struct {
	owner   bool          // who must tell a process its keys before it is there
	down    error         // why nobody answers now, nil if somebody does
	since   time.Time     // when somebody was there last, or is expected from
	process uint32        // the number that who answers, or did last, gave itself
	changed chan struct{} // closed when down or process change
}

func newState(owner bool) state {
	return state{owner: owner, down: errStarting, since: time.Now(), changed: make(chan struct{})}
}

// greeted notes that a process is there, and a new one.
func (c *Client) greeted(process uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var down error
	if c.owner {
		down = errStarting
	}
	c.setLocked(process, down, errAnother)
}

// ready lets a process be asked that was told all it has to know.
func (c *Client) ready(process uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == process && c.down == errStarting {
		c.down = nil
		c.toldLocked()
	}
}

// setDown notes that nobody answers any more.
func (c *Client) setDown(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setLocked(c.process, why, why)
}

// awaited notes that a process was started that will answer.
func (c *Client) awaited() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since = time.Now()
}

// setLocked notes who answers, or why nobody does. What was asked for before
// gets an error.
func (c *Client) setLocked(process uint32, down, lost error) {
	for number, to := range c.pending {
		delete(c.pending, number)
		to <- wire.Failure(number, lost)
	}
	if c.down == nil {
		c.since = time.Now()
	}
	c.process, c.down = process, down
	c.toldLocked()
}

// toldLocked wakes up who waits for a change.
func (c *Client) toldLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// waitGreeted waits until the process with that number has greeted, for as long
// as that takes.
func (c *Client) waitGreeted(process uint32, stop <-chan struct{}) error {
	return c.wait(stop, nil, func() bool { return c.process == process })
}

// waitThere waits for a process that answers, if one may just be starting: no
// longer than the time-out after somebody was there last, so that many who wait
// one after another wait that long in all.
func (c *Client) waitThere() error {
	return c.waitTimed(func() bool { return c.down == nil })
}

// waitStarted waits as long for a process that is being started, or is known not
// to be there.
func (c *Client) waitStarted() error {
	return c.waitTimed(func() bool { return c.down != errStarting })
}

func (c *Client) waitTimed(conditionLocked func() bool) error {
	c.mu.Lock()
	done, left := conditionLocked(), time.Until(c.since.Add(c.timeout))
	c.mu.Unlock()
	if done {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	return c.wait(c.closed, timer.C, conditionLocked)
}

// wait waits for a condition of the state.
func (c *Client) wait(stop <-chan struct{}, late <-chan time.Time,
	conditionLocked func() bool) error {
	for {
		c.mu.Lock()
		ok, changed, down := conditionLocked(), c.changed, c.down
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-stop:
			return errClosed
		case <-late:
			return fmt.Errorf("it did not answer within %v: %w", c.timeout, down)
		}
	}
}
