package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/wire"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// earlierAnswer is how long a service of before may take to tell its status.
const earlierAnswer = 2 * time.Second

var errNoEarlier = errors.New("no earlier service has connections any more")

// Earlier is the service that this one took over from, as long as it has
// connections: nobody else can ask it any more. The zero value is none.
type Earlier struct {
	asking sync.Mutex // one question at a time
	next   uint64     // its reference; guarded by asking

	mu   sync.Mutex
	conn *wire.Conn
}

// Set makes fd, a connection to it which has been greeted, the one to ask. It
// takes fd over.
func (e *Earlier) Set(fd *sys.FD) error {
	conn, err := wire.NewConn(fd, nil)
	if err != nil {
		return fmt.Errorf("connecting to the earlier service: %w", err)
	}
	e.replace(e.current(), conn)
	return nil
}

// There reports whether it is there still.
func (e *Earlier) There() bool { return e.current() != nil }

// Close lets it go.
func (e *Earlier) Close() { e.replace(e.current(), nil) }

// current is the connection to ask, nil when there is none any more.
func (e *Earlier) current() *wire.Conn {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	conn := e.conn
	e.mu.Unlock()
	if conn != nil && conn.Ended() {
		e.replace(conn, nil)
		return nil
	}
	return conn
}

// replace puts another connection in the place of one, and closes that.
func (e *Earlier) replace(old, by *wire.Conn) {
	e.mu.Lock()
	if e.conn == old {
		e.conn = by
	}
	e.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

// status asks it. A service that does not answer is asked no more.
func (e *Earlier) status(ctx context.Context, m wire.Status) (*wire.Report, error) {
	if e.current() == nil {
		return nil, errNoEarlier
	}
	e.asking.Lock()
	defer e.asking.Unlock()
	conn := e.current()
	if conn == nil {
		return nil, errNoEarlier
	}
	ctx, cancel := context.WithTimeout(ctx, earlierAnswer)
	defer cancel()
	e.next++
	m.Ref = e.next
	frame, err := wire.Ask(ctx, conn, m.Ref, &m)
	var refused *wire.RefusedError
	if errors.As(err, &refused) {
		return nil, err
	}
	if err != nil {
		e.replace(conn, nil)
		return nil, err
	}
	defer frame.Close()
	report, ok := frame.Message.(*wire.Report)
	if !ok || report.Ref != m.Ref {
		e.replace(conn, nil)
		return nil, fmt.Errorf("the earlier service answered with %T", frame.Message)
	}
	return report, nil
}
