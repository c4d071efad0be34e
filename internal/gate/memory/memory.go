// Package memory is a gate for tests of what sockets are to programs: a test calls
// it as a program calls the kernel. A program's end is a stream in this process's
// memory, without a descriptor, so that no other gate's way of doing it counts. It
// has no rule of a TLS socket, and no second process: no copies of a descriptor,
// no signals, no sockets that were TCP sockets before.
package memory

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/socket"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
)

// Gate makes sockets for one program, the caller.
type Gate struct {
	table *socket.Table
	ends  *ends
}

// New returns a gate whose sockets work with a configuration, of which it sets
// the ends. Close ends it.
func New(cfg socket.Config) *Gate {
	e := &ends{held: map[uint64]*end{}}
	cfg.Ends = e
	return &Gate{socket.NewTable(cfg), e}
}

// Close ends what is left. The program must have closed its sockets, or have no
// use for them.
func (g *Gate) Close() { g.table.Close() }

// Socket is socket(2).
func (g *Gate) Socket(family, kind int) (*Socket, error) {
	made, e, err := g.table.New(&call{gate: g}, family, kind)
	if err != nil {
		return nil, err
	}
	return g.give(made, e), nil
}

// give makes an end the program's.
func (g *Gate) give(s *socket.Socket, e endpoint.End) *Socket {
	own := e.(*end)
	g.ends.hold(own)
	return &Socket{gate: g, Rules: s, end: own}
}

// ends is an endpoint.Maker.
type ends struct {
	mu   sync.Mutex
	last uint64
	held map[uint64]*end // those that the program has
}

// New implements endpoint.Maker.
func (m *ends) New(nonblock bool) (endpoint.End, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	return &end{ends: m, id: m.last, nonblock: nonblock}, nil
}

func (m *ends) hold(e *end) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held[e.id] = e
}

func (m *ends) letGo(e *end) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.held, e.id)
}

// Find implements endpoint.Maker.
func (m *ends) Find(id uint64, _ endpoint.Where, _ bool) (endpoint.End, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.held[id]; e != nil {
		return e, nil
	}
	return nil, endpoint.ErrClosed
}

// Exists implements endpoint.Maker.
func (m *ends) Exists(id uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held[id] != nil
}

// Existing implements endpoint.Maker.
func (m *ends) Existing() (map[uint64]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[uint64]bool{}
	for id := range m.held {
		all[id] = true
	}
	return all, nil
}

// Watch implements endpoint.Maker: there are no copies of an end.
func (*ends) Watch(endpoint.End) error { return nil }

// Watched implements endpoint.Maker.
func (*ends) Watched() (map[uint64]bool, error) { return nil, nil }

// TCPSockets implements endpoint.Maker: no socket was one before.
func (*ends) TCPSockets(int) (map[uint64]bool, error) { return nil, unix.EOPNOTSUPP }

// Close implements endpoint.Maker.
func (*ends) Close() error { return nil }
