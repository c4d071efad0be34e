package registry

import (
	"errors"
	"time"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
)

// What can refuse.
const (
	ByPolicy         = "policy"            // the administrator's policy
	ByTrust          = "untrusted"         // the peer did not prove who it is
	ByLimit          = "limit"             // there is too much already
	Impersonation    = "impersonation"     // somebody spoke for a process that is not his
	Unidentified     = "unidentified"      // nobody knows for which program somebody spoke
	NotAdministrator = "not-administrator" // somebody asked for what is the administrator's
	BadMessage       = "bad-message"       // somebody sent what no gate sends
)

// Who refused, when it was not the service.
const (
	ByGate      = "gate"       // ssa run, for a program that the service found
	ByGateAlone = "gate-alone" // and the program had ended: it is the gate's word
)

// Culprit is the user whom a refusal is counted against, so that nobody's can
// push out those of others.
func (f *Refusal) Culprit() uint32 {
	if f.Caller != 0 {
		return f.Caller
	}
	return f.Program.UID
}

// Refusers are all of them.
func Refusers() []string {
	return []string{ByPolicy, ByTrust, ByLimit, Impersonation, Unidentified,
		NotAdministrator, BadMessage}
}

// Refusal is something that was asked for and not done.
type Refusal struct {
	Time    time.Time   `json:"time"`
	ID      uint64      `json:"id,omitempty"` // TLS_ID of the connection, if there was one
	Program ProgramInfo `json:"program"`
	Role    string      `json:"role,omitempty"`
	Peer    string      `json:"peer,omitempty"` // address and port
	Name    string      `json:"name,omitempty"` // whom the program asked for
	What    string      `json:"what"`           // see ByPolicy and the others
	// Sentence is for a person. Position is the place in the policy that
	// decided, if one did.
	Sentence string `json:"sentence"`
	Position string `json:"position,omitempty"`
	// Caller is the user who asked on behalf of another one's program; none is
	// told of root, and of who asked for himself.
	Caller uint32 `json:"caller_uid,omitempty"`
	// Source is ByGate or ByGateAlone for what a gate refused: the sentence and
	// the position are its words. Exe is what it says of a program that has
	// ended. Missed is how many refusals before this one nobody was told of.
	Source string `json:"source,omitempty"`
	Exe    string `json:"exe,omitempty"`
	Missed uint64 `json:"missed,omitempty"`
}

// The last refusals are kept, and of one user not so many that nobody else's
// are left.
const (
	maxRefusals     = 512
	maxRefusalsUser = 128
)

// refusals are the last ones, the oldest first.
type refusals struct {
	last  []Refusal
	count map[uint32]int // by culprit
}

func (k *refusals) add(f Refusal) {
	if k.count == nil {
		k.count = map[uint32]int{}
	}
	uid := f.Culprit()
	switch {
	case k.count[uid] >= maxRefusalsUser:
		k.drop(func(o *Refusal) bool { return o.Culprit() == uid })
	case len(k.last) >= maxRefusals:
		most := k.busiest()
		k.drop(func(o *Refusal) bool { return o.Culprit() == most })
	}
	k.last = append(k.last, f)
	k.count[uid]++
}

// busiest is the user who has the most.
func (k *refusals) busiest() (busiest uint32) {
	most := 0
	for uid, n := range k.count {
		if n > most || n == most && uid < busiest {
			busiest, most = uid, n
		}
	}
	return busiest
}

// drop removes the oldest one that fits.
func (k *refusals) drop(fits func(*Refusal) bool) {
	for i := range k.last {
		if !fits(&k.last[i]) {
			continue
		}
		uid := k.last[i].Culprit()
		if k.count[uid]--; k.count[uid] == 0 {
			delete(k.count, uid)
		}
		copy(k.last[i:], k.last[i+1:])
		k.last[len(k.last)-1] = Refusal{}
		k.last = k.last[:len(k.last)-1]
		return
	}
}

// Refused notes a refusal that is not about a handshake under way: of a
// listener, by a limit, of a caller on the service's own socket. Its time is
// now.
func (r *Registry) Refused(program ProgramInfo, f Refusal) {
	r.refused(program, f)
	r.logRefused(program, f)
}

func (r *Registry) refused(program ProgramInfo, f Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.programLocked(program)
	f.Program = p.describe(program.PID)
	p.last = r.cfg.Now()
	r.refusedLocked(f)
}

func (r *Registry) refusedLocked(f Refusal) {
	f.Time = r.cfg.Now().UTC()
	f.Sentence, f.Name, f.Position, f.Exe = clip(f.Sentence), clip(f.Name),
		clip(f.Position), clip(f.Exe)
	key := programKey{f.Program.Exe, f.Program.Script, f.Program.Profile, f.Program.Cgroup,
		f.Program.UID}
	if p := r.programs[key]; p != nil {
		p.refuse(f.What)
	}
	r.counts.refused[f.What]++
	r.counts.missed += f.Missed
	r.series.refused()
	r.refusals.add(f)
	if r.cfg.Audit != nil {
		r.cfg.Audit(f)
	}
}

// refusalWord says by what a failure with a reason was refused, if it was.
func refusalWord(reason string) (what string, refused bool) {
	switch reason {
	case engine.Refused.String():
		return ByPolicy, true
	case engine.Untrusted.String():
		return ByTrust, true
	case engine.Limited.String():
		return ByLimit, true
	}
	return "", false
}

// Position is the place in the policy that an error is about, "" when it is
// about none.
func Position(err error) string {
	var weaker *policy.Weaker
	var forbidden *policy.Forbidden
	switch {
	case errors.As(err, &weaker):
		return weaker.At.String()
	case errors.As(err, &forbidden):
		return forbidden.At.String()
	}
	return ""
}
