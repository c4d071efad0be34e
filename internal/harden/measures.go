package harden

import "fmt"

// Measure is something that was done to take rights away, and whether it holds.
type Measure struct {
	Name string // in words, for people
	Err  error  // why it does not hold, nil when it does
	// Required says that a process without it must not go on.
	Required bool
}

func (m Measure) String() string {
	if m.Err != nil {
		return m.Name + ": " + m.Err.Error()
	}
	return m.Name
}

// Process takes all rights away that a process which does TLS can do without,
// and that it can give up by itself. It may be called once. The error is that
// of the first required measure that does not hold; the rest was done.
func Process() ([]Measure, error) {
	all := []Measure{
		{"other processes cannot read its memory", NotDumpable(), true},
		{"its memory is in no core dump", NoCoreDumps(), true},
		{"its memory is never swapped", LockMemory(), false},
		{"it has no capabilities", NoCapabilities(), true},
		{"it makes only the system calls that it needs", FilterCalls(), true},
	}
	for _, m := range all {
		if m.Err != nil && m.Required {
			return all, fmt.Errorf("giving up rights: %s: %w", m.Name, m.Err)
		}
	}
	return all, nil
}
