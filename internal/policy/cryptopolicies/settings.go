// Package cryptopolicies reads the system-wide crypto-policies of Fedora, Red
// Hat Enterprise Linux and their relatives, and proposes a policy file of ours
// that says the same of TLS. It proposes nothing weaker than our built-in
// default, says of everything it leaves out why, and refuses a file it does not
// understand. It changes no file.
package cryptopolicies

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Place is a line of a file.
type Place struct {
	File string
	Line int // from 1, 0 for the file as a whole
}

// String returns file:line.
func (p Place) String() string {
	if p.Line == 0 {
		return printable(p.File)
	}
	return printable(p.File) + ":" + strconv.Itoa(p.Line)
}

// value is a value with the place that says so.
type value[T any] struct {
	v    T
	at   Place
	said bool
}

func (v *value[T]) set(to T, at Place) { *v = value[T]{to, at, true} }

// note is something that was not carried over.
type note struct {
	at   Place
	text string
}

// maxNotes bounds what a hostile file can make us say.
const maxNotes = 100

// Settings are what a file says of TLS, in our words.
type Settings struct {
	name       string // of the crypto-policy, "" when not known
	min, max   value[string]
	suites13   value[[]string]
	suites12   value[[]string]
	groups     value[[]string]
	signatures value[[]string]
	rsa, ecdsa value[int]
	notes      []note
	notCarried map[string]bool // texts of notes
	understood int             // lines that said something
}

// note says, once, that something was not carried over.
func (s *Settings) note(at Place, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.notCarried == nil {
		s.notCarried = map[string]bool{}
	}
	if !s.notCarried[text] && len(s.notes) < maxNotes {
		s.notCarried[text] = true
		s.notes = append(s.notes, note{at, text})
	}
}

// setNamed translates a list of names and notes the others.
func (s *Settings) setNamed(to *value[[]string], what string, names []string,
	translate func(string) string, at Place) {
	list := []string{}
	var unknown []string
	for _, name := range names {
		ours := translate(name)
		switch {
		case ours == "":
			unknown = append(unknown, name)
		case !slices.Contains(list, ours):
			list = append(list, ours)
		}
	}
	s.noteUnknown(at, what, unknown)
	s.understood++
	to.set(list, at)
}

func (s *Settings) noteUnknown(at Place, what string, names []string) {
	if len(names) > 0 {
		s.note(at, "%s that ssa does not have: %s", what, brief(names))
	}
}

func (s *Settings) noteExchanges(names []string, at Place) {
	if len(names) > 0 {
		s.note(at, "%s: ssa has key exchange by ECDHE alone", brief(names))
	}
}

// brief lists names, not endlessly.
func brief(names []string) string {
	const most = 30
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = clip(name)
	}
	return strings.Join(texts, ", ") + more
}

// clip makes a word from a file fit for a comment and a terminal.
func clip(text string) string {
	const most = 60
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return printable(text)
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text)
}
