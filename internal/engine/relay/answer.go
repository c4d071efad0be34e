package relay

import (
	"fmt"
	"time"
)

// answerStep is how often a program that may still answer is looked at.
const answerStep = 50 * time.Millisecond

// awaitAnswer lets a program go on whose peer has ended TCP without a
// close_notify: read what came, and answer, since the peer may have ended its
// half only. It returns when the program has gone, when it has read everything
// and has been silent for Config.Answer, and when TCP has failed; and why the
// program's stream ends.
func (r *Relay) awaitAnswer(err error) error {
	for {
		r.sink.awaitRead(0, r.sendLost)
		if r.cfg.Answer == 0 || isDone(r.sendLost) || r.source.hungUp() || r.silent() {
			break
		}
	}
	if isDone(r.sendLost) {
		// To who has met a reset by writing, reading shows an end.
		return fmt.Errorf("sending to the peer: %w", r.lost)
	}
	return err
}

// silent waits until the program has been silent for Config.Answer, or will not
// answer, and returns true; or until it has something to read, and returns false.
// What it wrote before and TCP does not take has the time of Config.Stall.
func (r *Relay) silent() bool {
	for last, quiet := r.moved(), time.Duration(0); r.sink.unread() == 0; quiet += answerStep {
		limit := r.cfg.Answer
		if r.source.unread() > 0 || r.taken.Load() > r.sent.Load() {
			limit = max(limit, r.cfg.Stall)
		}
		if quiet >= limit || r.source.hungUp() {
			return true
		}
		select {
		case <-r.sendDone:
			return true
		case <-r.sendLost:
			return true
		case <-time.After(answerStep):
		}
		if now := r.moved(); now != last {
			last, quiet = now, 0
		}
	}
	return false
}

// moved changes when the program writes, and when TCP takes something.
func (r *Relay) moved() [2]int64 { return [2]int64{r.taken.Load(), r.sent.Load()} }
