package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// hanging is an Identifier for which some people's processes never answer, until they
// are let go.
type hanging struct {
	free chan struct{}
	mu   sync.Mutex
	who  []uint32 // the persons that are asked about, in turn; then the last again
	hang map[uint32]bool
}

func (h *hanging) Credentials(*sys.FD) (program.Process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	person := h.who[0]
	if len(h.who) > 1 {
		h.who = h.who[1:]
	}
	return program.Process{PID: 7, UIDs: [4]uint32{person}}, nil
}

func (h *hanging) Executable(_ *sys.FD, p *program.Process) error {
	if h.hang[p.UIDs[0]] {
		<-h.free
	}
	p.Exe = "/bin/a"
	return nil
}

func descriptor(t *testing.T) *sys.FD {
	t.Helper()
	n, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return sys.Own(n)
}

// TestLooksThatHang: whoever makes the kernel wait is waited for in vain, and in
// nobody else's place.
func TestLooksThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{free: make(chan struct{}), who: []uint32{1}, hang: map[uint32]bool{1: true}}
		m := New(Config{Identifier: h, Log: slog.New(slog.DiscardHandler)}, nil)
		var work sync.WaitGroup
		for range 3 * maxPersonal {
			work.Go(func() {
				if _, err := m.lookUp(t.Context(), descriptor(t)); !errors.Is(err, errLookupHangs) {
					t.Errorf("what hangs is answered by %v", err)
				}
			})
		}
		synctest.Wait()
		h.mu.Lock()
		h.who = []uint32{2}
		h.mu.Unlock()
		for range 3 * maxPersonal { // at once: no time passes in here
			if p, err := m.lookUp(t.Context(), descriptor(t)); err != nil || p.Exe != "/bin/a" {
				t.Errorf("somebody else is told %+v, %v", p, err)
			}
		}
		work.Wait()
		m.places.mu.Lock()
		if m.places.by[1] != maxPersonal || m.places.total != maxPersonal || len(m.places.waiting) != 0 {
			t.Errorf("there are %v places taken, and %d wait", m.places.by, len(m.places.waiting))
		}
		m.places.mu.Unlock()
		close(h.free)
		synctest.Wait()
		if m.places.total != 0 || len(m.places.by) != 0 {
			t.Errorf("%d places are taken for ever", m.places.total)
		}
	})
}

// TestPlaces: they are given in order, to those whose person has one left.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces()
		for range maxPersonal {
			if err := p.enter(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var order []string
		var mu sync.Mutex
		wait := func(ctx context.Context, name string, person uint32) {
			go func() {
				err := p.enter(ctx, person)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, fmt.Sprint(name, err))
			}()
			synctest.Wait()
		}
		wait(t.Context(), "first ", 1)
		wait(ctx, "second ", 1)
		wait(t.Context(), "third ", 1)
		wait(t.Context(), "other ", 2)
		cancel()
		synctest.Wait()
		p.leave(1)
		synctest.Wait()
		p.leave(1)
		synctest.Wait()
		if got, want := strings.Join(order, ", "), "other <nil>, second context canceled, first <nil>, third <nil>"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestHangingLookHoldsNobodyUp: a worker that dies while a look-up hangs is
// replaced, and the monitor ends when it is told to.
func TestHangingLookHoldsNobodyUp(t *testing.T) {
	h := &hanging{free: make(chan struct{}), who: []uint32{1}, hang: map[uint32]bool{1: true}}
	t.Cleanup(func() { close(h.free) })
	r := start(t, "serve", h, nil)
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.say("look without waiting")
	r.want("asked")
	ssatest.Await(t, "it is being looked up", func() bool {
		r.monitor.places.mu.Lock()
		defer r.monitor.places.mu.Unlock()
		return r.monitor.places.total == 1
	})
	r.kill()
	r.want("policy one <nil>")
	r.say("ready")
	<-r.ready
	r.monitor.Stop()
	r.want("terminated")
	if err := r.over(); err != nil {
		t.Errorf("the monitor ended with %v", err)
	}
}
