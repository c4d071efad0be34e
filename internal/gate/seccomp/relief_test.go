package seccomp

import "testing"

func newWatch() (*watch, *duty) {
	w, d := &watch{}, &duty{}
	w.watching.Store(true)
	w.set(d)
	return w, d
}

// A call that lasts over a whole tick has its goroutine relieved, once; from
// then on calls get goroutines of their own, until none has been slow for long.
func TestRelief(t *testing.T) {
	w, d := newWatch()
	d.begin()
	if late, _ := w.look(); late {
		t.Fatal("relieved at the first look")
	}
	if late, over := w.look(); !late || over || !w.careful.Load() {
		t.Fatalf("the second look: %v, %v, careful %v", late, over, w.careful.Load())
	}
	if d.done() {
		t.Error("who has been relieved goes on receiving")
	}
	if late, over := w.look(); late || !over {
		t.Errorf("nobody receives, and the look says %v, %v", late, over)
	}
	w.set(&duty{})
	for range slowFor {
		if !w.careful.Load() {
			t.Fatal("careless too early")
		}
		w.look()
	}
	if w.careful.Load() {
		t.Error("careful for ever")
	}
}

// Quick calls relieve nobody, even when each look meets one.
func TestNoRelief(t *testing.T) {
	w, d := newWatch()
	for range 3 * idleFor {
		for range few {
			d.begin()
			if !d.done() {
				t.Fatal("relieved")
			}
		}
		d.begin()
		if late, over := w.look(); late || over || w.careful.Load() {
			t.Fatalf("%v, %v, careful %v", late, over, w.careful.Load())
		}
		d.done()
	}
}

// Calls that are slow without lasting over a tick are noticed too.
func TestSlowCalls(t *testing.T) {
	w, d := newWatch()
	for range 2 {
		d.begin()
		if late, _ := w.look(); late {
			t.Fatal("relieved")
		}
		d.done()
	}
	if !w.careful.Load() {
		t.Error("a call a tick, and no care")
	}
}

// Nobody watches where nothing comes, and a call begins it again.
func TestWatchEnds(t *testing.T) {
	w, d := newWatch()
	over := false
	for range idleFor {
		_, over = w.look()
	}
	if !over || w.watching.Load() {
		t.Fatalf("over %v, watching %v", over, w.watching.Load())
	}
	d.begin()
	d.done()
	if !w.watching.CompareAndSwap(false, true) {
		t.Fatal("watched by nobody")
	}
	if _, over := w.look(); over {
		t.Error("over with a call just now")
	}
}
