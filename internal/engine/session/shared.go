package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Epoch is the time that one seed of a Seeds stands for. Epochs are counted
// from 1970, by the clock of each machine.
const Epoch = time.Hour

// Seeds are secrets that several machines have in common, one for each epoch,
// from which each derives the same ticket keys. The store they come from may
// be out of reach: its methods say what is known now, and never wait.
// Implementations are safe for concurrent use and can be compared with ==.
type Seeds interface {
	// Seed returns the secret of an epoch, false when there is none.
	Seed(epoch int64) (seed [32]byte, ok bool)
	// Version changes after an answer of Seed has.
	Version() uint64
}

// sharedKeys are the keys of a ring that other machines have as well.
type sharedKeys struct {
	from    Seeds
	version uint64
	period  int64
	// current makes tickets in this period, nil when there is none: then
	// tickets are of a key of this machine alone. others only read them.
	current *[32]byte
	others  [][32]byte
}

// share brings the shared keys of a ring up to date. Periods are as long as a
// key of this machine alone makes tickets, and begin at the same moment
// everywhere, so that machines with the right time agree without a word.
func (r *ring) share(now time.Time, interval time.Duration, seeds Seeds) {
	if seeds == nil {
		if r.shared.from != nil {
			r.shared = sharedKeys{}
			r.generation++
		}
		return
	}
	// Before the seeds themselves: what changes in between is seen the next time.
	version := seeds.Version()
	period := now.UnixNano() / int64(interval)
	if r.shared.from == seeds && r.shared.version == version && r.shared.period == period {
		return
	}
	fresh := sharedKeys{from: seeds, version: version, period: period}
	if key, ok := sharedKey(seeds, r.scope, interval, period); ok {
		fresh.current = &key
	}
	// A clock that is ahead of ours makes tickets of the next period already.
	for _, p := range []int64{period - 1, period - 2, period - 3, period + 1} {
		if key, ok := sharedKey(seeds, r.scope, interval, p); ok {
			fresh.others = append(fresh.others, key)
		}
	}
	r.shared = fresh
	r.generation++
}

// sharedKey derives the key of a scope for a period from the seed of the epoch
// in which the period begins.
func sharedKey(seeds Seeds, scope string, interval time.Duration,
	period int64) (key [32]byte, ok bool) {
	seed, ok := seeds.Seed(period * int64(interval) / int64(Epoch))
	if !ok || period < 0 { // nothing is known of the time before 1970
		return key, false
	}
	info := binary.BigEndian.AppendUint64([]byte("ssa/ticket-key/1"), uint64(interval))
	info = binary.BigEndian.AppendUint64(info, uint64(period))
	// The lengths before it are fixed, so a scope cannot pass for another.
	derived, err := hkdf.Expand(sha256.New, seed[:], string(info)+scope, len(key))
	if err != nil {
		return key, false // not met: 32 bytes are few
	}
	return [32]byte(derived), true
}

// all returns the keys of a ring, that which makes tickets first.
func (r *ring) all() [][32]byte {
	keys := make([][32]byte, 0, 1+len(r.keys)+len(r.shared.others))
	if r.shared.current != nil {
		keys = append(keys, *r.shared.current)
	}
	keys = append(keys, r.keys...)
	return append(keys, r.shared.others...)
}
