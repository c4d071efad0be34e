package socket

import (
	"slices"
	"sync"
	"testing"
)

// drawn notes which changes of states happen.
type drawn struct {
	mu   sync.Mutex
	seen map[[2]State]bool
}

func (d *drawn) saw(was, is State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen == nil {
		d.seen = map[[2]State]bool{}
	}
	d.seen[[2]State{was, is}] = true
}

// check compares with the drawing: what happened is there, and what is there
// happened.
func (d *drawn) check(t *testing.T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for change := range d.seen {
		if !slices.Contains(changes[change[0]], change[1]) {
			t.Errorf("a socket that is %v becomes %v, which is not drawn", change[0], change[1])
		}
	}
	for was, all := range changes {
		for _, is := range all {
			if !d.seen[[2]State{was, is}] {
				t.Errorf("no socket that is %v becomes %v, which is drawn", was, is)
			}
		}
	}
}

// TestUndrawnChange: a change that is not drawn is not made.
func TestUndrawnChange(t *testing.T) {
	r, _ := world(t)
	s := r.table.born(fresh{}, 2, 1)
	s.become(&connected{})
	if s.State() != Fresh {
		t.Errorf("a fresh socket became %v", s.State())
	}
}
