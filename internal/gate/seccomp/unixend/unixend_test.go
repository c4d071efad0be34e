package unixend

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/socket/endpoint"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

func TestMain(m *testing.M) { os.Exit(ssatest.Main(m)) }

// rig makes ends of which the test is the program.
type rig struct {
	*Ends
	t    *testing.T
	held map[uint64]*sys.FD
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, held: map[uint64]*sys.FD{}}
	log := slog.New(slog.DiscardHandler)
	ends, err := New(Config{Finder: r, Log: log, Dir: t.TempDir()})
	r.check(err)
	r.Ends = ends
	t.Cleanup(func() { r.check(ends.Close()) })
	return r
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// Find implements Finder.
func (r *rig) Find(inode uint64, _ endpoint.Where, _ bool) (*sys.FD, error) {
	if fd := r.held[inode]; fd != nil {
		return fd.Dup()
	}
	return nil, errors.New("the test has no such descriptor")
}

// end is one that the test has as a program has it.
func (r *rig) end() *End {
	r.t.Helper()
	made, err := r.New(true)
	r.check(err)
	return r.keep(made)
}

func (r *rig) keep(made endpoint.End) *End {
	r.t.Helper()
	inode, err := made.ID()
	r.check(err)
	r.held[inode] = FD(made)
	r.t.Cleanup(func() { made.Close() })
	return made.(*End)
}

// known is what a socket knows of an end, which may be nothing.
type known struct{ id uint64 }

func (k *known) ID() uint64                { return k.id }
func (k *known) Hint() endpoint.Where      { return endpoint.Where{} }
func (k *known) Found(id uint64)           { k.id = id }
func (*known) Kept() (endpoint.End, error) { return nil, endpoint.ErrClosed }

// TestJoin: a joined end is silent until it is opened, and nothing of what made
// it so is ever read.
func TestJoin(t *testing.T) {
	r := newRig(t)
	e := r.end()
	plaintext, err := e.Join(1 << 16)
	r.check(err)
	defer plaintext.Close()
	if got := sys.Poll(e.fd.Int(), unix.POLLIN|unix.POLLOUT); got != 0 {
		t.Errorf("a joined end has the events %#x", got)
	}
	r.check(plaintext.Open())
	e.SetRoom(1 << 16)
	if got := sys.Poll(e.fd.Int(), unix.POLLIN|unix.POLLOUT); got != unix.POLLOUT {
		t.Errorf("an opened end has the events %#x, want that it can be written", got)
	}
	r.check(sendByte(e.fd.Int()))
	if n, err := plaintext.Read(make([]byte, 10)); n != 1 || err != nil {
		t.Errorf("of one byte that was written we read %d, %v", n, err)
	}
}

// TestProvoke: closing our side shows a reset, wherever the program's end is.
func TestProvoke(t *testing.T) {
	r := newRig(t)
	e := r.end()
	plaintext, err := e.Join(1 << 16)
	r.check(err)
	r.check(plaintext.Open())
	id, err := e.ID()
	r.check(err)
	r.check(plaintext.Provoke(context.Background(), &known{id}))
	r.check(plaintext.Close())
	if errno, err := e.Error(); errno != abi.ECONNRESET || err != nil || plaintext.WasGone() {
		t.Errorf("SO_ERROR is %v, %v, want ECONNRESET; gone before: %v", errno, err, plaintext.WasGone())
	}
}

// TestDeliver: what is delivered is accepted and known by its name, though
// nobody has seen its id; what nobody can accept any more is ErrClosed.
func TestDeliver(t *testing.T) {
	r := newRig(t)
	l := r.end()
	told := make(chan struct{}, 1)
	q, err := l.Queue(func() { told <- struct{}{} })
	r.check(err)
	defer q.Close()
	r.check(l.Listen(5))
	if _, err := l.Accept(); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("accept from an empty queue: %v, want EAGAIN", err)
	}
	d, err := r.Reserve(0)
	r.check(err)
	plaintext, err := q.Deliver(context.Background(), d, 1<<16)
	r.check(err)
	accepted, err := l.Accept()
	r.check(err)
	if got := r.keep(accepted).Delivery(); got != d.Name() {
		t.Errorf("the delivery %q is accepted as %q", d.Name(), got)
	}
	of := &known{}
	r.check(plaintext.Provoke(context.Background(), of))
	if id, err := accepted.ID(); of.id != id || err != nil {
		t.Errorf("the end %d, %v, is found as %d", id, err, of.id)
	}
	r.check(plaintext.Close())
	r.check(accepted.Close()) // it holds the name of the queue, too
	r.check(l.Close())
	if open, err := q.Open(); open || err != nil {
		t.Errorf("a closed queue is open: %v, %v", open, err)
	}
	if len(r.closed) > 0 { // where the kernel tells
		<-told
	}
	late, err := r.Reserve(0)
	r.check(err)
	defer late.Close()
	_, err = q.Deliver(context.Background(), late, 1<<16)
	if !errors.Is(err, endpoint.ErrClosed) {
		t.Errorf("delivering to a closed queue: %v, want ErrClosed", err)
	}
}

// TestScarce: nothing is reserved of the last descriptors.
func TestScarce(t *testing.T) {
	r := newRig(t)
	if _, err := r.Reserve(sys.MaxDescriptors()); !errors.Is(err, unix.EMFILE) {
		t.Errorf("reserving where none is to spare: %v, want EMFILE", err)
	}
}
