package remote

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// How many refusals wait to be told, how long the service has to answer each,
// and how long the end waits for all.
const (
	maxDenials   = 64
	denialAnswer = 5 * time.Second
	lastDenials  = time.Second
)

// denials are what the gate refused by itself, on their way to the service:
// over a connection of their own, which is there as long as some wait, so that
// a service that does not know the message, or is slow, harms nothing else.
type denials struct {
	engine *Engine

	mu     sync.Mutex
	queue  []*engine.Denial
	missed uint64 // nobody was told of these
	tells  bool   // a goroutine is at work
	over   bool
	work   sync.WaitGroup
	ctx    context.Context // of what is told
	stop   context.CancelFunc
}

func newDenials(e *Engine) *denials {
	q := &denials{engine: e}
	q.ctx, q.stop = context.WithCancel(context.Background())
	return q
}

// Denied tells the service of a refusal later, and takes over the pidfd. It
// never waits: what is too much is counted.
func (e *Engine) Denied(d *engine.Denial) {
	q := e.denials
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.over || len(q.queue) >= maxDenials {
		q.missed++
		d.Process.Close()
		return
	}
	q.queue = append(q.queue, d)
	if !q.tells {
		q.tells = true
		q.work.Go(q.tell)
	}
}

// tell tells what waits, one after the other.
func (q *denials) tell() {
	var conn *wire.Conn
	for {
		d, missed := q.next()
		if d == nil {
			break
		}
		var err error
		for range 2 { // another service may have taken over
			if conn == nil {
				conn, err = q.connect()
			}
			if err == nil {
				err = q.ask(conn, d, missed)
			}
			if err == nil {
				break
			}
			hangUp(&conn)
		}
		d.Process.Close()
		if err != nil {
			q.lose(missed+1, err)
		}
	}
	hangUp(&conn)
}

func hangUp(conn **wire.Conn) {
	if *conn != nil {
		(*conn).Close()
		*conn = nil
	}
}

// next takes the first one that waits, and what was missed before.
func (q *denials) next() (d *engine.Denial, missed uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.tells = false
		return nil, 0
	}
	d, missed = q.queue[0], q.missed
	q.queue[0] = nil
	q.queue, q.missed = q.queue[1:], 0
	return d, missed
}

func (q *denials) lose(n uint64, err error) {
	q.mu.Lock()
	q.missed += n
	q.mu.Unlock()
	q.engine.cfg.Log.Warn(fmt.Sprintf("%d refusals could not be reported to the service: %v", n, err))
}

func (q *denials) connect() (*wire.Conn, error) {
	conn, err := wire.Dial(q.engine.cfg.Path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(q.ctx, greeting)
	defer cancel()
	if err = trustworthy(conn, q.engine.cfg.Path); err == nil {
		_, err = wire.Greet(ctx, conn, wire.Hello{Agent: q.engine.cfg.Agent + ", refusals"})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (q *denials) ask(conn *wire.Conn, d *engine.Denial, missed uint64) error {
	const ref = 1 // one question at a time
	ctx, cancel := context.WithTimeout(q.ctx, denialAnswer)
	defer cancel()
	m := &wire.Denied{Ref: ref, Exe: d.Exe, ExeFile: d.File, ID: d.ID, Server: d.Server, Name: d.Name,
		Sentence: d.Sentence, Position: d.Position, Missed: missed, Limit: d.Limit}
	if d.Peer.IsValid() {
		m.Peer = d.Peer.String()
	}
	frame, err := wire.Ask(ctx, conn, ref, m, d.Process.Int())
	if err != nil {
		return err
	}
	frame.Close()
	return nil
}

// DenialsTold waits until the service was told of every refusal, a second at
// most, and takes no more. What is connected there is not touched.
func (e *Engine) DenialsTold() { e.denials.close() }

// close waits a while until all is told.
func (q *denials) close() {
	q.mu.Lock()
	if q.over {
		q.mu.Unlock()
		return
	}
	q.over = true
	q.mu.Unlock()
	done := make(chan struct{})
	go func() { q.work.Wait(); close(done) }()
	timer := time.NewTimer(lastDenials)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		q.mu.Lock()
		for _, d := range q.queue {
			d.Process.Close()
		}
		q.missed += uint64(len(q.queue))
		q.queue = nil
		q.mu.Unlock()
		q.stop()
		<-done
	}
	q.stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.missed > 0 {
		q.engine.cfg.Log.Warn(fmt.Sprintf("%d refusals could not be reported to the service", q.missed))
	}
}
