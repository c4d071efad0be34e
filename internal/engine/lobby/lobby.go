package lobby

import (
	"container/list"
	"errors"
	"net/netip"
	"sync"
)

// Stage is how far a handshake has come that waits for its peer.
type Stage int

// Stages.
const (
	Hello  Stage = iota // the hello is not there as a whole
	Answer              // we have answered the hello
	stages
)

// Limits of one listener.
const (
	// MaxHello and MaxAnswer are how many may wait at each stage. The first
	// costs a descriptor and a small stack, the second some 40 KiB.
	MaxHello  = 4096
	MaxAnswer = 1024
	// MaxUndelivered is how many there may be from a whole hello until the
	// program has the connection: with all of MaxAnswer waiting, as many can
	// be worked on, or wait for the program.
	MaxUndelivered = 2 * MaxAnswer
)

// Limits are those of a House.
type Limits struct {
	Stages [stages]int // for each listener
	Total  int         // of all listeners, since each guest has a descriptor
	Share  int         // of Total for one owner
}

// ForDescriptors are the limits of a process that may have so many descriptors
// for connections.
func ForDescriptors(n int) Limits {
	total := max(min(n/4, 1<<16), 4)
	return Limits{Stages: [stages]int{MaxHello, MaxAnswer}, Total: total, Share: max(total*3/4, 1)}
}

// House is all lobbies of a process.
type House struct {
	limits Limits

	mu      sync.Mutex
	total   int
	owners  map[uint32]*owner
	gone    uint64 // guests let go
	clock   uint64 // counts lines
	lobbies uint64 // made so far
}

// owner is a user whose listeners are counted together.
type owner struct {
	count   int
	lobbies map[*Lobby]bool // those with guests
}

// NewHouse makes a house without guests.
func NewHouse(limits Limits) *House { return &House{limits: limits, owners: map[uint32]*owner{}} }

// Lobby is that of one listener.
type Lobby struct {
	house  *House
	owner  uint32
	number uint64       // counts the lobbies of a house
	rooms  [stages]room // guarded by house.mu
}

// Lobby makes one for a listener of an owner.
func (h *House) Lobby(owner uint32) *Lobby {
	h.mu.Lock()
	h.lobbies++
	l := &Lobby{house: h, owner: owner, number: h.lobbies}
	h.mu.Unlock()
	for i := range l.rooms {
		l.rooms[i].lines = map[netip.Prefix]*line{}
	}
	return l
}

// Guest is a peer, from the beginning of its handshake to the end. Its methods
// are for one goroutine.
type Guest struct {
	lobby  *Lobby
	prefix netip.Prefix
	out    func()
	// Guarded by house.mu.
	line  *line // nil when in no room
	place *list.Element
	stage Stage
	works bool // it stays in its place and is not let go
	left  bool
}

// Enter takes a peer into the first stage. out is called at most once, by
// anybody, when it has to go; it must not wait.
func (l *Lobby) Enter(peer netip.Addr, out func()) *Guest {
	g := &Guest{lobby: l, prefix: Prefix(peer), out: out}
	g.enter(Hello)
	return g
}

// Prefix is the network by which a peer counts: whoever has one address has all
// of it.
func Prefix(peer netip.Addr) netip.Prefix {
	bits := 64
	if peer = peer.Unmap().WithZone(""); !peer.Is6() {
		bits = 32
	}
	prefix, err := peer.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: all of these are one
	}
	return prefix
}

// Work says that the guest need not wait. A hello leaves its room for that; an
// answer keeps its place, or sending it in small pieces would make one young
// again. A guest that has been let go meanwhile gets ErrLetGo, and must not go on: who
// was told to leave is never told that he is in.
func (g *Guest) Work() error {
	g.lobby.house.mu.Lock()
	defer g.lobby.house.mu.Unlock()
	if g.left {
		return ErrLetGo
	}
	if g.stage == Hello {
		g.removeLocked()
	}
	g.works = true
	return nil
}

// ErrLetGo is why a guest that had to leave may not go on.
var ErrLetGo = errors.New("the peer was dropped, since too many wait")

// Wait says that the guest waits for what follows its hello.
func (g *Guest) Wait() {
	g.lobby.house.mu.Lock()
	g.works = false
	there := g.line != nil
	g.lobby.house.mu.Unlock()
	if !there {
		g.enter(Answer)
	}
}

// Leave ends the guest's stay.
func (g *Guest) Leave() {
	g.lobby.house.mu.Lock()
	defer g.lobby.house.mu.Unlock()
	g.left = true
	g.removeLocked()
}

// Gone is how many guests were let go so far.
func (h *House) Gone() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gone
}

// Waiting is how many guests are at a stage.
func (l *Lobby) Waiting(stage Stage) int {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	return l.rooms[stage].count
}
