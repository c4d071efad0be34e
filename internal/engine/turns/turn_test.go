package turns

import (
	"context"
	"errors"
	"testing"
)

// TestTurnIsForWork: who waits has no turn at any place, and another one can
// have it.
func TestTurnIsForWork(t *testing.T) {
	near, far := NewQueue[string](1, 1), NewQueue[int](1, 1)
	var waits []bool
	turn := New(t.Context(), func(w bool) error {
		waits = append(waits, w)
		return nil
	}, near.For("a"), far.For(1))
	if Of(With(t.Context(), turn)) != turn || Of(t.Context()) != nil {
		t.Error("work does not find its turn")
	}
	if err := turn.Resume(); err != nil {
		t.Fatal(err)
	}
	if near.free != 0 || far.free != 0 {
		t.Errorf("%d and %d turns are free while one works", near.free, far.free)
	}
	turn.Pause()
	turn.Pause() // again does nothing
	other := New(t.Context(), nil, near.For("b"), far.For(2))
	if err := other.Resume(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	late := New(ctx, nil, NewQueue[string](1, 1).For("c"), far.For(3))
	if err := late.Resume(); !errors.Is(err, context.Canceled) || late.had {
		t.Errorf("a turn that was given up: %v, had %v", err, late.had)
	}
	other.End()
	if err := turn.Resume(); err != nil {
		t.Fatal(err)
	}
	turn.End()
	turn.End()
	if near.free != 1 || far.free != 1 || len(near.running) != 0 || len(far.running) != 0 {
		t.Errorf("%d and %d turns are free at the end", near.free, far.free)
	}
	if len(waits) != 3 || waits[0] || !waits[1] || waits[2] {
		t.Errorf("it was told %v", waits)
	}
	var none *Turn // nobody counts
	none.Pause()
	if err := none.Resume(); err != nil {
		t.Error(err)
	}
	none.End()
}

// TestTurnThatIsRefused: when whoever is told that work goes on objects, it does
// not, and nobody waits for its turn.
func TestTurnThatIsRefused(t *testing.T) {
	queue := NewQueue[string](1, 1)
	gone := errors.New("gone")
	turn := New(t.Context(), func(bool) error { return gone }, queue.For("a"))
	if err := turn.Resume(); !errors.Is(err, gone) || turn.had || queue.free != 1 {
		t.Errorf("it ends with %v, has a turn: %v, and %d are free", err, turn.had, queue.free)
	}
}
