package memory

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
)

// queue is an endpoint.Queue.
type queue struct {
	end *end

	mu   sync.Mutex
	come []*end
}

func (q *queue) Deliver(_ context.Context, d endpoint.Delivery, _ int) (endpoint.Plaintext, error) {
	if open, _ := q.Open(); !open {
		return nil, endpoint.ErrClosed
	}
	made, err := q.end.ends.New(false)
	if err != nil {
		return nil, err
	}
	e := made.(*end)
	e.delivery = d.Name()
	ours := e.join(true)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.come = append(q.come, e)
	return ours, nil
}

func (q *queue) take() (endpoint.End, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.come) == 0 {
		return nil, unix.EAGAIN
	}
	e := q.come[0]
	q.come = q.come[1:]
	return e, nil
}

func (q *queue) Open() (bool, error) { return q.end.ends.Exists(q.end.id), nil }
func (q *queue) Close() error        { return nil }

// delivery is an endpoint.Delivery.
type delivery string

func (d delivery) Name() string { return string(d) }
func (d delivery) Close() error { return nil }

// Reserve implements endpoint.Maker.
func (m *ends) Reserve(int) (endpoint.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	return delivery(fmt.Sprint("delivery ", m.last)), nil
}
