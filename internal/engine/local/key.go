package local

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"reflect"
	"slices"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/identity"
	"github.com/secure-socket-api/ssa/internal/policy"
)

type settingsKey [sha256.Size]byte

// keyOf digests everything in a request that settings are made of. It means
// something in this process alone; serverScope is for others.
func keyOf(req *engine.Request) settingsKey {
	d := &digest{make([]byte, 0, 1024)}
	in := ingredients{Request: req, pol: req.Policy}
	for _, fields := range [][]dependence{policyFields, requestFields} {
		for i := range fields {
			if add := fields[i].key; add != nil {
				add(d, in)
			}
		}
	}
	return sha256.Sum256(d.data)
}

// digest collects values so that no two lists of values look the same. It is
// hashed at once: there is one for each connection.
type digest struct{ data []byte }

func (d *digest) number(values ...uint64) {
	for _, v := range values {
		d.data = binary.BigEndian.AppendUint64(d.data, v)
	}
}

func (d *digest) flags(values ...bool) {
	for _, v := range values {
		if v {
			d.data = append(d.data, 1)
		} else {
			d.data = append(d.data, 0)
		}
	}
}

func (d *digest) text(s string) {
	d.number(uint64(len(s)))
	d.data = append(d.data, s...)
}

func (d *digest) texts(list []string) {
	d.number(uint64(len(list)))
	for _, s := range list {
		d.text(s)
	}
}

// sum adds the hash of what may be long.
func (d *digest) sum(data []byte) {
	sum := sha256.Sum256(data)
	d.data = append(d.data, sum[:]...)
}

func (d *digest) pins(pins map[string][]policy.Pin) {
	d.number(uint64(len(pins)))
	for _, name := range slices.Sorted(maps.Keys(pins)) {
		d.text(name)
		d.number(uint64(len(pins[name])))
		for _, pin := range pins[name] {
			d.data = append(d.data, pin[:]...)
		}
	}
}

func (d *digest) identities(ids []*identity.Identity) {
	d.number(uint64(len(ids)))
	for _, id := range ids {
		fingerprint := id.Fingerprint()
		d.data = append(d.data, fingerprint[:]...)
	}
}

func (d *digest) ticketStore(pol *policy.Effective) {
	d.flags(pol.TicketStore != nil)
	if pol.TicketStore != nil {
		sum := pol.TicketStore.Digest()
		d.data = append(d.data, sum[:]...)
	}
}

// address stands for what it points to, which never changes, and which the
// settings keep alive.
func address[T any](d *digest, p *T) { d.number(uint64(reflect.ValueOf(p).Pointer())) }

// numbers tells an empty list from none: they mean different things.
func numbers[T ~uint16](d *digest, values []T) {
	if values == nil {
		d.number(1<<64 - 1)
		return
	}
	d.number(uint64(len(values)))
	for _, v := range values {
		d.number(uint64(v))
	}
}
