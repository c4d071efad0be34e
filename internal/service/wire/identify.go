package wire

// Identify asks which profile of the policy a program has, for what its gate
// decides by itself. Descriptor: a pidfd of the process. The answer is
// Identified or Refused.
type Identify struct {
	Ref          uint64
	Exe, ExeFile string // as in Request
}

func (*Identify) kind() Kind { return KindIdentify }
func (m *Identify) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.text(2, &m.Exe)
	v.text(3, &m.ExeFile)
}

// Identified answers Identify.
type Identified struct {
	Ref     uint64
	Profile string // its name, "default" for none
}

func (*Identified) kind() Kind { return KindIdentified }
func (m *Identified) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.text(2, &m.Profile)
}
