package wire

// Denied tells of what the caller itself refused a program by the policy, so
// that those who watch the service see it. The service believes it about
// processes that the caller may speak for. Descriptor: a pidfd of the process.
type Denied struct {
	Ref      uint64
	Exe      string // as the caller saw it while the program waited
	ID       uint64 // of the socket, 0 for none
	Server   bool
	Name     string // whom the program asked for
	Peer     string // address and port
	Sentence string
	Position string // in the policy
	// Missed is how many refusals before this one the caller could not tell of.
	Missed uint64
	Limit  bool // a limit refused it
	// ExeFile says which file Exe is, see Request.
	ExeFile string
}

func (*Denied) kind() Kind { return KindDenied }
func (m *Denied) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.text(2, &m.Exe)
	v.number(3, &m.ID)
	v.flag(4, &m.Server)
	v.text(5, &m.Name)
	v.text(6, &m.Peer)
	v.text(7, &m.Sentence)
	v.text(8, &m.Position)
	v.number(9, &m.Missed)
	v.flag(10, &m.Limit)
	v.text(11, &m.ExeFile)
}
