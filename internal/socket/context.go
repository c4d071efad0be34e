package socket

import (
	"encoding/binary"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// setContext takes another socket's settings, and with equal settings its
// sessions. The other socket must have been made by the same process or one of
// its ancestors: ids can be guessed, and settings hold identities.
func setContext(s *Socket, c Caller, info abi.OptionInfo, value []byte) error {
	if len(value) != 8 {
		return fail(abi.EINVAL, "%s: the value is a uint64_t of 8 bytes, not %d bytes", info.Name, len(value))
	}
	id := binary.NativeEndian.Uint64(value)
	other := s.table.byID(id)
	if other == nil || other == s || !c.DescendsFrom(other.process) {
		return fail(abi.EINVAL, "%s: this program has no other TLS socket with the id %d", info.Name, id)
	}
	set := other.snapshot()
	effective, err := policy.Tighten(s.baseLocked(c), set.asked)
	if err != nil {
		return s.weakerLocked(c, err)
	}
	if s.set.remoteName != "" { // its own peer
		set.remoteName = s.set.remoteName
	}
	s.set, s.effective, s.context = set, effective, id
	return nil
}

// snapshot copies the settings of a socket other than one whose lock is held.
func (s *Socket) snapshot() settings {
	p := s.shared.Load()
	if p == nil {
		return settings{}
	}
	return *p
}

func (t *Table) byID(id uint64) *Socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.sockets {
		if s.id == id {
			return s
		}
	}
	return nil
}
