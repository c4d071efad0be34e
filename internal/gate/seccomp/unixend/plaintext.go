package unixend

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// plaintext is an endpoint.Plaintext.
type plaintext struct {
	*sys.Stream
	ends   *Ends
	filled int         // bytes to drain from it
	gone   atomic.Bool // at its close
}

// Open implements endpoint.Plaintext: it makes the program's descriptor writable.
func (p *plaintext) Open() error {
	return p.Control(func(fd int) error { return drain(fd, p.filled) })
}

// Close notes whether the program has closed its end already. An end that the
// program has shut down looks the same.
func (p *plaintext) Close() error {
	_ = p.Control(func(fd int) error {
		p.gone.Store(sys.Gone(fd))
		return nil
	})
	return p.Stream.Close()
}

// WasGone implements endpoint.Plaintext.
func (p *plaintext) WasGone() bool { return p.gone.Load() }

// watchAfter is how long Watch waits before anybody looks whether the program
// still has its descriptor: most attempts to connect are over sooner.
const watchAfter = 10 * time.Millisecond

// Watch implements endpoint.Plaintext.
func (p *plaintext) Watch(gone func()) (stop func()) {
	done := make(chan struct{})
	timer := time.AfterFunc(watchAfter, func() {
		defer close(done)
		raw, _ := p.SyscallConn()
		over := false
		_ = raw.Read(func(fd uintptr) bool {
			over = sys.HungUp(int(fd))
			return over
		})
		if over {
			gone()
		}
	})
	return func() {
		if timer.Stop() {
			return
		}
		_ = p.SetReadDeadline(time.Unix(1, 0))
		<-done
		_ = p.SetReadDeadline(time.Time{})
	}
}

// Provoke implements endpoint.Plaintext: it puts a byte into our receive queue
// through the program's own descriptor, wherever that is (unix_release_sock in
// the kernel's net/unix/af_unix.c).
func (p *plaintext) Provoke(ctx context.Context, of endpoint.Known) error {
	unread, ours, gone := 0, uint64(0), false
	err := p.Control(func(fd int) (err error) {
		gone = sys.Gone(fd)
		if unread, err = sys.Unread(fd); err != nil {
			return err
		}
		var st unix.Stat_t
		err = unix.Fstat(fd, &st)
		ours = st.Ino
		return err
	})
	if err != nil || unread > 0 || gone {
		return nil
	}
	p.awaitAccept(ctx, of, ours)
	end, err := p.find(of, ours)
	if err != nil {
		return fmt.Errorf("the program's descriptor was not found: it sees the cut stream as ended: %w", err)
	}
	defer end.Close()
	if err := sendByte(end.Int()); err != nil {
		p.ends.cfg.Log.Debug("the program's descriptor cannot be written", "error", err)
	}
	return nil
}

// awaitAccept waits until the program has accepted a connection or closed its
// listener: before, it has no descriptor of the connection. The kernel
// announces neither.
func (p *plaintext) awaitAccept(ctx context.Context, of endpoint.Known, ours uint64) {
	delay := firstDelay
	for of.ID() == 0 {
		if p.ends.accepted(ours) {
			return
		}
		over := true
		_ = p.Control(func(fd int) error {
			over = sys.Gone(fd)
			return nil
		})
		if over || ctx.Err() != nil {
			return
		}
		time.Sleep(delay)
		delay = min(2*delay, lastDelay)
	}
}

// find finds the program's descriptor by the inode of our end.
func (p *plaintext) find(of endpoint.Known, ours uint64) (*sys.FD, error) {
	inode := of.ID()
	if inode == 0 {
		peer, err := p.ends.diag.Peer(ours)
		if err != nil {
			return nil, err
		}
		if peer != 0 {
			of.Found(peer)
		}
		inode = peer
	}
	fd, err := p.ends.cfg.Finder.Find(inode, of.Hint(), true)
	if err != nil {
		if kept, keptErr := of.Kept(); keptErr == nil {
			return FD(kept), nil // programs have older copies alone
		}
	}
	return fd, err
}

// lookShare bounds the share of time spent on asking whether connections have
// been accepted: a look costs time in proportion to the number of AF_UNIX
// sockets on the machine.
const lookShare = 20

// accepted asks the kernel whether the other end of one of our streams has
// been accepted. It takes a bounded share of the time, however many ask.
func (e *Ends) accepted(ours uint64) bool {
	e.askMu.Lock()
	defer e.askMu.Unlock()
	start := time.Now()
	peer, err := e.diag.Peer(ours)
	time.Sleep(lookShare * time.Since(start))
	return err == nil && peer != 0
}
