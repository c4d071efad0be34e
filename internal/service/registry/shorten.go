package registry

import (
	"encoding/json"
	"slices"
)

// shorten halves the list of a status that is the longest, since users choose
// how long their texts are: whose are many must not push out other lists. It
// reports whether anything was left to take away.
func (s *Status) shorten() bool {
	connections, refusals, programs := length(s.Connections), length(s.Refusals), length(s.Programs)
	switch longest := max(connections, refusals, programs); {
	case longest == connections && len(s.Connections) > 0:
		n := (len(s.Connections) + 1) / 2
		s.Connections, s.LeftOut = s.Connections[n:], s.LeftOut+n
	case longest == refusals && len(s.Refusals) > 0:
		s.Refusals = s.Refusals[(len(s.Refusals)+1)/2:]
	case len(s.Programs) > 1:
		s.sumUpPrograms(len(s.Programs) / 2)
	default:
		return false
	}
	return true
}

// length is how long a list is when it is told.
func length(list any) int {
	text, err := json.Marshal(list)
	if err != nil {
		return 0 // then all of it cannot be told, which is found out elsewhere
	}
	return len(text)
}

// sumUpPrograms keeps the first programs; the others become one.
func (s *Status) sumUpPrograms(keep int) {
	rest := ProgramTotals{Program: ProgramInfo{Exe: restName}}
	s.Programs = slices.DeleteFunc(s.Programs, func(p ProgramTotals) bool {
		if keep--; keep >= 0 && p.Program.Exe != restName {
			return false
		}
		rest.add(&p)
		return true
	})
	s.Programs = append(s.Programs, rest)
}

func (p *ProgramTotals) add(o *ProgramTotals) {
	p.Open += o.Open
	p.Handshakes += o.Handshakes
	p.Resumed += o.Resumed
	p.Failed, p.Refused = sum(p.Failed, o.Failed), sum(p.Refused, o.Refused)
	p.Sent += o.Sent
	p.Received += o.Received
	if o.Last.After(p.Last) {
		p.Last = o.Last
	}
}
