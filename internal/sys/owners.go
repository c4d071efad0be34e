package sys

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// owners is nil but in tests: see Owners.
var owners atomic.Pointer[Owners]

// Owners knows each FD that was made since WatchOwners and still owns its
// descriptor, so that a test can tell a leak and where it began.
type Owners struct {
	mu   sync.Mutex
	made map[*FD]string // the stack that made it
}

// WatchOwners begins to note who makes FDs, for the rest of the process; again
// it returns the same. It is for tests: a stack is kept for every descriptor.
func WatchOwners() *Owners {
	fresh := &Owners{made: map[*FD]string{}}
	if owners.CompareAndSwap(nil, fresh) {
		return fresh
	}
	return owners.Load()
}

// Open returns the FDs that own a descriptor now, with the stacks that made
// them.
func (o *Owners) Open() map[*FD]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	open := make(map[*FD]string, len(o.made))
	for f, stack := range o.made {
		open[f] = stack
	}
	return open
}

// began notes that an FD owns a descriptor, if anybody watches.
func began(f *FD) {
	if o := owners.Load(); o != nil {
		stack := string(debug.Stack())
		o.mu.Lock()
		defer o.mu.Unlock()
		o.made[f] = stack
	}
}

// ended notes that an FD owns nothing any more.
func ended(f *FD) {
	if o := owners.Load(); o != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.made, f)
	}
}
