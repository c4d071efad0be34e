package turns

import "context"

// Place is where a turn comes from: a Queue, entered for somebody.
type Place struct {
	Enter func(ctx context.Context) error
	Leave func()
}

// For is the place in a queue of who.
func (q *Queue[K]) For(who K) Place {
	return Place{
		Enter: func(ctx context.Context) error { return q.Enter(ctx, who) },
		Leave: func() { q.Leave(who) },
	}
}

// Turn is that of one piece of work, at several places if they all must agree.
// It belongs to the one goroutine that does the work.
type Turn struct {
	ctx    context.Context
	places []Place
	had    bool
	told   func(waits bool) error
}

// New makes a turn that is had once Resume returns nil; ctx ends the waiting for
// it. told, when not nil, is called before work waits and when it has waited;
// its error then ends the work.
func New(ctx context.Context, told func(waits bool) error, places ...Place) *Turn {
	return &Turn{ctx: ctx, places: places, told: told}
}

// Resume waits for the turn. What the work waited for is there: it is told so
// first, since from now on nobody waits but for us.
func (t *Turn) Resume() error {
	if t == nil || t.had {
		return nil
	}
	if t.told != nil {
		if err := t.told(false); err != nil {
			return err
		}
	}
	for i, place := range t.places {
		if err := place.Enter(t.ctx); err != nil {
			t.give(i)
			return err
		}
	}
	t.had = true
	return nil
}

// Pause gives the turn back, until Resume.
func (t *Turn) Pause() {
	if t == nil || !t.had {
		return
	}
	if t.told != nil {
		_ = t.told(true) // who waits has not begun
	}
	t.End()
}

// End gives the turn back for good, if it is had.
func (t *Turn) End() {
	if t == nil || !t.had {
		return
	}
	t.had = false
	t.give(len(t.places))
}

// give leaves the first n places, the last one first.
func (t *Turn) give(n int) {
	for i := n - 1; i >= 0; i-- {
		t.places[i].Leave()
	}
}

type key struct{}

// With has work that is given the result find its turn.
func With(ctx context.Context, t *Turn) context.Context { return context.WithValue(ctx, key{}, t) }

// Of is the turn that work with ctx has; nil, which is of use too, when nobody
// counts it.
func Of(ctx context.Context) *Turn {
	t, _ := ctx.Value(key{}).(*Turn)
	return t
}
