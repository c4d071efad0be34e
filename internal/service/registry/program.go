package registry

import (
	"cmp"
	"maps"
	"strings"
	"time"
	"unicode"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
)

// maxPrograms bounds how many programs are listed one by one. Of the user who
// has the most, that without a connection which was seen longest ago goes first,
// into the sum of the rest.
const maxPrograms = 512

// restName stands for programs that are not listed any more.
const restName = "(others)"

// programKey is what makes programs one in a list.
type programKey struct {
	exe, script, profile, cgroup string
	uid                          uint32
}

// maxLabels bounds the names of programs in metrics, which must never be
// forgotten again. The first ones have it.
const maxLabels = 64

// LabelCounts are the sums of all programs that go by one name.
type LabelCounts struct {
	Open                        int
	Handshakes, Failed, Refused uint64
	Sent, Received              int64
}

// labelName is a name as it is in metrics: what looks the same is the same, and
// nothing is there for a terminal to obey.
func labelName(name string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == unicode.ReplacementChar {
			return '?'
		}
		return c
	}, name)
}

// labelLocked finds the sums of programs that go by a name, and the name that
// they have.
func (r *Registry) labelLocked(name string) (string, *LabelCounts) {
	known := r.labels[name]
	if known == nil && len(r.labels) >= maxLabels {
		name = restName
		known = r.labels[name]
	}
	if known == nil {
		known = &LabelCounts{}
		r.labels[name] = known
	}
	return name, known
}

// programSums sums up what the processes of one program did.
type programSums struct {
	key            programKey
	name           string // of the label
	label          *LabelCounts
	open           int
	handshakes     uint64
	resumed        uint64
	failed         map[string]uint64 // by reason; nil for none
	refused        map[string]uint64 // by what refused; nil for none
	sent, received int64             // of connections that are over
	last           time.Time
}

// opened counts a connection that begins, closed one that is over.
func (p *programSums) opened(now time.Time) {
	p.open++
	p.label.Open++
	p.last = now
}

func (p *programSums) closed(now time.Time) {
	p.open--
	p.label.Open--
	p.last = now
}

func (p *programSums) moved(sent, received int64) {
	p.sent += sent
	p.received += received
	p.label.Sent += sent
	p.label.Received += received
}

func (p *programSums) fail(reason string) {
	if p.failed == nil {
		p.failed = map[string]uint64{}
	}
	p.failed[reason]++
	p.label.Failed++
}

func (p *programSums) refuse(what string) {
	if p.refused == nil {
		p.refused = map[string]uint64{}
	}
	p.refused[what]++
	p.label.Refused++
}

// add puts another program's sums into this one's.
func (p *programSums) add(o *programSums) {
	p.handshakes += o.handshakes
	p.resumed += o.resumed
	p.sent += o.sent
	p.received += o.received
	if o.last.After(p.last) {
		p.last = o.last
	}
	p.failed, p.refused = sum(p.failed, o.failed), sum(p.refused, o.refused)
}

// programLocked finds the record of a program, or makes one.
func (r *Registry) programLocked(p ProgramInfo) *programSums {
	key := programKey{clip(p.Exe), clip(p.Script), clip(p.Profile), clip(p.Cgroup), p.UID}
	if known := r.programs[key]; known != nil {
		return known
	}
	if len(r.programs) >= maxPrograms {
		r.forgetLocked()
	}
	// A caller's text may be a part of something large.
	key.exe, key.script = strings.Clone(key.exe), strings.Clone(key.script)
	key.profile, key.cgroup = strings.Clone(key.profile), strings.Clone(key.cgroup)
	made := &programSums{key: key}
	made.name, made.label = r.labelLocked(labelName(made.describe(0).Short()))
	r.programs[key] = made
	return made
}

// forgetLocked makes room for a program. When all have connections it makes
// none: then the connections bound the list.
func (r *Registry) forgetLocked() {
	listed := map[uint32]int{} // by user
	for _, p := range r.programs {
		listed[p.key.uid]++
	}
	var first *programSums
	for _, p := range r.programs {
		if p.open == 0 &&
			(first == nil ||
				cmp.Or(cmp.Compare(listed[first.key.uid], listed[p.key.uid]), p.last.Compare(first.last)) < 0) {
			first = p
		}
	}
	if first != nil {
		r.rest.add(first)
		delete(r.programs, first.key)
	}
}

// Short is the last part of the program's path, for people and for labels; of
// a script, that of the script.
func (p ProgramInfo) Short() string {
	file := p.Script
	if file == "" {
		file = p.Exe
	}
	file = strings.TrimSuffix(file, subject.DeletedMark)
	return file[strings.LastIndexByte(file, '/')+1:]
}

func (p *programSums) describe(pid int) ProgramInfo {
	return ProgramInfo{PID: pid, UID: p.key.uid, Exe: p.key.exe, Script: p.key.script,
		Profile: p.key.profile, Cgroup: p.key.cgroup}
}

// totals are the sums of programs.
func (p *programSums) totals() ProgramTotals {
	return ProgramTotals{
		Program: p.describe(0), Open: p.open, Handshakes: p.handshakes, Resumed: p.resumed,
		Failed: maps.Clone(p.failed), Refused: maps.Clone(p.refused), Sent: p.sent, Received: p.received,
		Last: p.last.UTC(),
	}
}
