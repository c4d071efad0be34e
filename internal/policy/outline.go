package policy

import "errors"

// File is a text that a policy was read from.
type File struct {
	Name string
	Data []byte
}

// Files returns the texts that the policy was read from, in order. They name
// keys, and never hold them.
func (p *Policy) Files() []File { return p.files }

var errOutline = errors.New("the service alone has it")

// Outline reads a policy from its texts, without the files that they name:
// anchors, identities and lists of logs. It says what a program may ask for and
// whom it may talk to, and can neither trust nor identify anybody, nor say whom a
// profile is for: accounts and paths are those of the machine, and this may be a
// container. It is for those who pass requests on to the service, which has the
// rest.
func Outline(files []File) (*Policy, error) {
	l := newLoader()
	l.outline = true
	for _, f := range files {
		l.decode(f.Name, f.Data)
	}
	p, err := l.finish()
	if err != nil {
		return nil, err
	}
	p.outline = true
	p.warnings = nil // they were told where the policy was loaded whole
	return p, nil
}

// IsOutline reports whether the policy was read by Outline: For then finds the
// default alone, and Named what the service says.
func (p *Policy) IsOutline() bool { return p.outline }
