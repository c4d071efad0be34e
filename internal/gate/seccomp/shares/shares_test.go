package shares

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/secure-socket-api/ssa/abi"
)

type asker struct {
	owner Owner
	err   error
	asked *int
}

func (a asker) Owner() (Owner, error) {
	if a.asked != nil {
		*a.asked++
	}
	return a.owner, a.err
}

func of(process int, user uint32) asker { return asker{owner: Owner{process, user}} }

func enter(t *testing.T, p *Pool, a Asker) Turn {
	t.Helper()
	turn, err := p.Enter(a)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// entering enters on a goroutine; the channel gets the turn.
func entering(p *Pool, a Asker) <-chan Turn {
	c := make(chan Turn, 1)
	go func() {
		turn, _ := p.Enter(a)
		c <- turn
	}()
	return c
}

func here(c <-chan Turn) bool {
	synctest.Wait()
	return len(c) > 0
}

// As long as few look, nobody is asked who they are.
func TestOpenPlaces(t *testing.T) {
	p, asked := New(Limits{Open: 2, Process: 1, User: 1, All: 1}), 0
	a := asker{asked: &asked}
	for range 3 {
		one, two := enter(t, p, a), enter(t, p, a)
		one.Leave()
		two.Leave()
	}
	if asked != 0 {
		t.Errorf("asked %d times", asked)
	}
	enter(t, p, a)
	enter(t, p, a)
	if enter(t, p, a); asked != 1 {
		t.Errorf("asked %d times beyond the open places", asked)
	}
}

// What is stuck holds up its own process, then its own user, and nobody else.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Limits{Process: 2, User: 3, All: 100, Queue: 10})
		first := enter(t, p, of(1, 1))
		enter(t, p, of(1, 1))
		own := entering(p, of(1, 1))
		if here(own) {
			t.Fatal("a process got more than its share")
		}
		sibling := enter(t, p, of(2, 1))
		another := entering(p, of(3, 1))
		if here(another) {
			t.Fatal("a user got more than its share")
		}
		enter(t, p, of(4, 2)).Leave()
		sibling.Leave()
		if !here(another) || here(own) {
			t.Fatal("the user's place went to a process that has its share")
		}
		(<-another).Leave()
		first.Leave()
		if !here(own) {
			t.Fatal("nobody got the place that came free")
		}
	})
}

// A process that looks at nothing still gets a place when its user's are taken.
func TestSpareOfUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Limits{Process: 2, User: 2, UserSpare: 1, All: 9, Queue: 10})
		enter(t, p, of(1, 1))
		enter(t, p, of(1, 1))
		sibling := enter(t, p, of(2, 1))
		more := entering(p, of(2, 1))
		if here(more) {
			t.Fatal("there is no end of places")
		}
		sibling.Leave()
		if !here(more) {
			t.Fatal("nobody got the place that came free")
		}
	})
}

// Where all places are taken, a user who has none under way still gets one.
func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Limits{Process: 5, User: 5, All: 2, AllSpare: 1, Queue: 10})
		enter(t, p, of(1, 1))
		last := enter(t, p, of(1, 1))
		more := entering(p, of(2, 1))
		newcomer := enter(t, p, of(3, 2))
		next := entering(p, of(4, 3))
		if here(more) || here(next) {
			t.Fatal("there is no end of places")
		}
		newcomer.Leave()
		if !here(next) || here(more) {
			t.Fatal("a user who has places under way went first")
		}
		(<-next).Leave()
		last.Leave()
		if !here(more) {
			t.Fatal("nobody got the place that came free")
		}
	})
}

// Processes of one user take turns.
func TestTakingTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Limits{Process: 1, User: 1, All: 9, Queue: 10})
		turn := enter(t, p, of(1, 1))
		a1, a2 := entering(p, of(2, 1)), (<-chan Turn)(nil)
		synctest.Wait()
		a2 = entering(p, of(2, 1))
		synctest.Wait()
		b := entering(p, of(3, 1))
		synctest.Wait()
		for _, next := range []<-chan Turn{a1, b, a2} {
			turn.Leave()
			if !here(next) {
				t.Fatal("another process's turn")
			}
			turn = <-next
		}
		turn.Leave()
		if len(p.processes) != 0 || len(p.users) != 0 || len(p.waiting) != 0 || p.all != 0 {
			t.Errorf("the pool keeps %v, %v, %v, %d", p.processes, p.users, p.waiting, p.all)
		}
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Limits{Process: 1, User: 1, All: 1, Queue: 1})
		gone := errors.New("gone")
		if _, err := p.Enter(asker{err: gone}); !errors.Is(err, gone) {
			t.Errorf("an owner who cannot be found: %v", err)
		}
		turn := enter(t, p, of(1, 1))
		waiting := entering(p, of(1, 1))
		synctest.Wait()
		if _, err := p.Enter(of(1, 1)); !errors.Is(err, ErrCrowded) || !errors.Is(err, abi.ENOBUFS) {
			t.Errorf("a full queue: %v", err)
		}
		turn.Leave()
		(<-waiting).Leave()
		Turn{}.Leave()
	})
}
