package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// attend serves a worker until it has ended. One that breaks the protocol is
// killed: it is not the program that was started any more. Nothing here waits
// for a look-up: the worker's other messages and its end must be seen.
func (m *Monitor) attend(w *worker) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	var pending atomic.Int64
	for {
		msg, fd, err := w.channel.receive()
		if err == nil && msg.Kind == kindLook {
			if pending.Add(1) <= maxPending {
				work.Go(func() {
					m.answerLookup(ctx, w, msg.ID, fd)
					pending.Add(-1)
				})
				continue
			}
			err = errManyLookups // it counts them itself, if it is what was started
		}
		if err == nil {
			err = m.note(msg)
		}
		fd.Close()
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && !gone(err) {
			m.cfg.Log.Error("the worker is killed: " + err.Error())
			_ = w.process.Signal(unix.SIGKILL)
		}
		break
	}
	<-w.ended
	cancel()
	work.Wait()
	w.channel.close()
}

// note takes note of what a worker says of itself.
func (m *Monitor) note(msg *message) error {
	switch msg.Kind {
	case kindReady:
		m.mu.Lock()
		m.served = true
		m.mu.Unlock()
		if m.cfg.Ready != nil {
			m.cfg.Ready()
		}
	case kindLeaving:
		m.mu.Lock()
		before := m.leaving
		m.leaving = true
		m.mu.Unlock()
		if m.cfg.Leaving != nil && !before {
			m.cfg.Leaving()
		}
	case kindVerdict:
		// The text is for people: %q leaves nothing in it that a terminal obeys.
		m.cfg.Log.Error(fmt.Sprintf("the worker keeps the policy it has: %.2000q", msg.Text))
	default:
		return fmt.Errorf("it sent message %d, which it may not send", msg.Kind)
	}
	return nil
}
