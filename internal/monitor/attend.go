package monitor

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// maxLooks is how many questions of a worker are worked on at a time.
const maxLooks = 16

// attend serves a worker until it has ended. One that breaks the protocol is
// killed: it is not the program that was started any more.
func (m *Monitor) attend(w *worker) {
	var work sync.WaitGroup
	slots := make(chan struct{}, maxLooks)
	for {
		msg, fd, err := w.channel.receive()
		if err == nil && msg.Kind == kindLook {
			slots <- struct{}{}
			work.Go(func() {
				m.look(w, msg.ID, fd)
				<-slots
			})
			continue
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
	work.Wait()
	w.channel.close()
}

// look answers who the process of a pidfd is.
func (m *Monitor) look(w *worker, id uint64, pidfd *sys.FD) {
	defer pidfd.Close()
	answer := &message{Kind: kindAnswer, ID: id}
	p, err := m.cfg.Looker.Look(pidfd)
	if err == nil {
		answer.Process, err = toWire(&p)
	}
	if err != nil {
		answer.Text = []byte(err.Error())
	}
	err = w.channel.send(answer, -1)
	if errors.Is(err, unix.EMSGSIZE) { // the system's socket buffers are small
		err = w.channel.send(&message{Kind: kindAnswer, ID: id, Text: []byte("what there is to say of the process does not fit into a message")}, -1)
	}
	if err != nil && !gone(err) {
		m.cfg.Log.Error("answering the worker: " + err.Error())
	}
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
		return fmt.Errorf("it sent message %d, which is not its to send", msg.Kind)
	}
	return nil
}
