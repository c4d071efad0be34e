package policy

import (
	"fmt"
	"strings"
)

// Position is a place in a policy file. Lines and columns count from 1, columns
// in characters; the zero Position stands for the built-in default.
type Position struct {
	File         string
	Line, Column int
}

// String returns file:line:column.
func (p Position) String() string {
	if p.File == "" {
		return "the built-in default"
	}
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing wrong, or worth a warning, in a policy file.
type Problem struct {
	Position
	// Text says what was found and what is allowed.
	Text string
}

// String returns file:line:column: text.
func (p Problem) String() string { return p.Position.String() + ": " + p.Text }

// Error reports every problem of a policy that was not accepted.
type Error struct {
	Problems []Problem // never empty, in order of file, line and column
	Warnings []Problem // what else there is to know
}

// Error returns one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
