package policy

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// glob is a pattern for an absolute path: * stands for any text without a
// slash, ** for any text, ? for one character that is no slash.
type glob struct {
	text  string
	expr  *regexp.Regexp // nil when the pattern has no special character
	parts []globPart
}

type globPart uint32

// Parts that are not characters.
const (
	anyOne globPart = 0x110000 + iota
	anyText
	anyPath
)

func newGlob(text string) *glob {
	g := &glob{text: text}
	var expr strings.Builder
	expr.WriteString(`^(?s:`)
	special := false
	for rest := text; rest != ""; {
		part, pattern, size := nextPart(rest)
		special = special || part >= anyOne
		g.parts = append(g.parts, part)
		expr.WriteString(pattern)
		rest = rest[size:]
	}
	if special {
		g.expr = regexp.MustCompile(expr.String() + `)$`)
	}
	return g
}

// nextPart returns the first part of a pattern, the regular expression for it
// and its length.
func nextPart(s string) (part globPart, pattern string, size int) {
	switch {
	case strings.HasPrefix(s, "**"):
		return anyPath, `.*`, 2
	case s[0] == '*':
		return anyText, `[^/]*`, 1
	case s[0] == '?':
		return anyOne, `[^/]`, 1
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError { // as package regexp sees a byte that is no UTF-8
		return globPart(r), `\x{fffd}`, size
	}
	return globPart(r), regexp.QuoteMeta(s[:size]), size
}

func (g *glob) matches(path string) bool {
	if g.expr == nil {
		return path == g.text
	}
	return g.expr.MatchString(path)
}

// literals counts the characters that stand for themselves.
func (g *glob) literals() int {
	n := 0
	for _, p := range g.parts {
		if p < anyOne {
			n++
		}
	}
	return n
}

// overlaps reports whether some path matches both patterns.
func (g *glob) overlaps(other *glob) bool {
	if g.expr == nil {
		return other.matches(g.text)
	}
	if other.expr == nil {
		return g.matches(other.text)
	}
	a, b := g.parts, other.parts
	// can[j] says whether a[i:] and b[j:] have a text in common; i runs down.
	can := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		next := make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			next[j] = overlapAt(a, b, i, j, can, next)
		}
		can = next
	}
	return can[0]
}

// overlapAt decides for a[i:] and b[j:]; below is the row of i+1, row that of i.
func overlapAt(a, b []globPart, i, j int, below, row []bool) bool {
	switch {
	case i == len(a) && j == len(b):
		return true
	case i == len(a):
		return b[j] >= anyText && row[j+1]
	case j == len(b):
		return a[i] >= anyText && below[j]
	case a[i] >= anyText:
		// The wildcard stands for nothing, or takes what b has next.
		return below[j] || b[j] >= anyText && row[j+1] || takes(a[i], b[j]) && row[j+1]
	case b[j] >= anyText:
		return row[j+1] || takes(b[j], a[i]) && below[j]
	default:
		return one(a[i], b[j]) && below[j+1]
	}
}

// takes reports whether a wildcard may stand for a part that is one character.
func takes(wildcard, part globPart) bool {
	return part < anyText && (wildcard == anyPath || part != '/')
}

// one reports whether two one-character parts have a character in common.
func one(p, q globPart) bool {
	switch {
	case p == anyOne:
		return q != '/'
	case q == anyOne:
		return p != '/'
	default:
		return p == q
	}
}
