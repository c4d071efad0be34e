package service

import (
	"sync"
	"time"

	programs "github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// fresh is how long it holds what was found out about a process. A program that
// makes one connection after the other is looked at five times a second; a look
// costs a tenth of a handshake. A caller says what the process executes at the
// moment, and another executable means another look, so that exec is noticed;
// callers who lie about that could as well keep a process of the other program.
// A change of users is noticed this late.
const fresh = 200 * time.Millisecond

// maxCached bounds what is kept.
const maxCached = 1024

// identityCache remembers what an Identifier has found out.
type identityCache struct {
	identifier Identifier
	now        func() time.Time

	mu    sync.Mutex
	known map[sys.PidfdID]cachedIdentity
}

type cachedIdentity struct {
	process programs.Process
	at      time.Time
}

func newIdentityCache(identifier Identifier) *identityCache {
	return &identityCache{identifier: identifier, now: time.Now,
		known: map[sys.PidfdID]cachedIdentity{}}
}

// claim is what a process executes, if the caller is right; empty when it does
// not say. The file counts when it is there: the same one may have another path
// in the caller's mounts.
type claim struct {
	exe  string
	file programs.FileID
}

// fits reports whether a claim is true of a process. Of some files nobody but
// their user can tell which they are; no rule of a policy is for these.
func (c claim) fits(p *programs.Process) bool {
	switch {
	case c.file != "" && p.File != "":
		return c.file == p.File
	case c.file != "" || c.exe == "":
		return true
	}
	return programs.Unproven(c.exe) == programs.Unproven(p.Exe)
}

// identify describes the process of a pidfd.
func (l *identityCache) identify(pidfd *sys.FD, claimed claim) (programs.Process, error) {
	id, ok := sys.IDOfPidfd(pidfd.Int())
	if !ok || claimed == (claim{}) {
		return l.identifier.Identify(pidfd)
	}
	l.mu.Lock()
	known, ok := l.known[id]
	l.mu.Unlock()
	if ok && l.now().Sub(known.at) < fresh && claimed.fits(&known.process) && !sys.Ended(pidfd) {
		return known.process, nil
	}
	at := l.now()
	process, err := l.identifier.Identify(pidfd)
	if err == nil {
		l.keep(id, cachedIdentity{process, at})
	}
	return process, err
}

func (l *identityCache) keep(id sys.PidfdID, k cachedIdentity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxCached {
		clear(l.known)
	}
	l.known[id] = k
}
