package remote

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/service/wire"
)

// greeting is how long the service may take to answer Hello.
const greeting = 5 * time.Second

// link is one connection to the service, with all that was begun on it. Its
// life: usable ── retired (the service said GoAway, or another link took over)
// ── down. A retired link goes down when nothing is left on it.
type link struct {
	engine *Engine
	conn   *wire.Conn
	down   chan struct{} // closed at the end
	ids    idBlock

	mu      sync.Mutex
	retired bool
	ended   bool
	next    uint64
	waiting map[uint64]chan wire.Message // for an answer, by ref
	conns   map[uint64]*connection       // established or about to be

	profiles profiles
}

// idBlock are numbers that the service gave to this link.
type idBlock struct {
	next atomic.Uint64
	end  uint64
}

func newLink(ctx context.Context, e *Engine, conn *wire.Conn) (*link, error) {
	if err := trustworthy(conn, e.cfg.Path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, greeting)
	defer cancel()
	welcome, err := wire.Greet(ctx, conn, wire.Hello{Agent: e.cfg.Agent, LastID: e.lastID()})
	if err != nil {
		return nil, err
	}
	if err := e.announce(&welcome.Policy); err != nil {
		return nil, err
	}
	l := &link{engine: e, conn: conn, down: make(chan struct{}),
		waiting: map[uint64]chan wire.Message{}, conns: map[uint64]*connection{}}
	l.ids.next.Store(welcome.FirstID)
	l.ids.end = welcome.FirstID + welcome.IDs
	return l, nil
}

// trustworthy makes sure that the service is one of the administrator, or of
// this user: programs' bytes go there.
func trustworthy(conn *wire.Conn, path string) error {
	cred, _, err := conn.Peer()
	if err != nil {
		return fmt.Errorf("asking who the service is: %w", err)
	}
	if cred.Uid == 0 || int(cred.Uid) == os.Geteuid() {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Stat(filepath.Dir(path), &st); err == nil && st.Uid == cred.Uid &&
		st.Mode&0o022 == 0 {
		return nil
	}
	return fmt.Errorf("the service at %s is run by user %d, who is neither root nor the owner of the folder", path, cred.Uid)
}

// newID returns a number of the block, or 0 when it is used up.
func (l *link) newID() uint64 {
	if id := l.ids.next.Add(1) - 1; id < l.ids.end {
		return id
	}
	return 0
}

func (l *link) usable() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.retired && !l.ended
}

// retire takes no new connections any more.
func (l *link) retire() {
	l.mu.Lock()
	l.retired = true
	idle := len(l.conns) == 0 && len(l.waiting) == 0
	l.mu.Unlock()
	if idle {
		l.close()
	}
}

// close ends the link; receive then ends everything on it.
func (l *link) close() { l.engine.work.Go(l.conn.Close) }

// receive hands answers to those who wait for them, until the link is down.
func (l *link) receive() {
	defer l.end()
	for {
		frame, err := l.conn.Receive(context.Background())
		if err != nil {
			l.engine.cfg.Log.Debug("the connection to the service has ended", "error", err)
			return
		}
		frame.Close() // the service sends none
		if err := l.dispatch(frame.Message); err != nil {
			l.engine.cfg.Log.Error("the service broke the protocol: " + err.Error())
			return
		}
	}
}

func (l *link) end() {
	l.mu.Lock()
	l.ended = true
	close(l.down)
	conns := slices.Collect(maps.Values(l.conns))
	l.mu.Unlock()
	l.conn.Close()
	for _, c := range conns {
		l.lose(c)
	}
}

func (l *link) dispatch(m wire.Message) error {
	switch m := m.(type) {
	case *wire.Policy:
		l.profiles.forget()
		return l.engine.announce(m)
	case *wire.GoAway:
		l.retire()
	case *wire.Identified:
		l.answer(m.Ref, m)
	case *wire.Listening:
		l.answer(m.Ref, m)
	case *wire.Refused:
		l.answer(m.Ref, m)
	case *wire.Established:
		l.answer(m.Ref, m)
	case *wire.Done:
		l.answer(m.Ref, m)
	case *wire.ResetNeeded:
		l.resetNeeded(m)
	case *wire.Ended:
		l.endOf(m)
	default:
		return fmt.Errorf("%s is not an answer", wire.KindOf(m))
	}
	return nil
}

func (l *link) find(ref uint64) *connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[ref]
}

func (l *link) answer(ref uint64, m wire.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ch := l.waiting[ref]; ch != nil {
		delete(l.waiting, ref)
		ch <- m
	}
}

// ref makes a reference that nothing on this link had, and a place for its
// answer.
func (l *link) ref() (uint64, chan wire.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	ch := make(chan wire.Message, 1)
	l.waiting[l.next] = ch
	return l.next, ch
}
