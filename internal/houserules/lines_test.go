package houserules_test

import (
	"go/scanner"
	"go/token"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// lineLength is how many characters a line of Go code may have; a tab is one.
	lineLength = 100
	// longString is from how many characters on a string does not count: a
	// sentence that is searched for is found in one piece.
	longString = 40
)

// TestLineLength: two files fit side by side on a screen, and a diff shows what has
// changed in a line. Rows of tables stay in one line each, whatever their length:
// they are read by column.
func TestLineLength(t *testing.T) {
	for _, f := range source(t) {
		if path.Base(f.name) == "example_test.go" {
			continue // what an example prints has to be written as it is
		}
		text := string(read(t, f.name))
		lengths := lineLengths(text)
		for i, line := range strings.Split(text, "\n") {
			if lengths[i] > lineLength && !isRow(line) {
				t.Errorf("%s:%d has %d characters: break it after a comma or an operator, at %d",
					f.name, i+1, lengths[i], lineLength)
			}
		}
	}
}

// lineLengths counts the characters of each line, but for those of long strings.
func lineLengths(text string) []int {
	lines := strings.Split(text, "\n")
	lengths := make([]int, len(lines))
	for i, line := range lines {
		lengths[i] = utf8.RuneCountInString(line)
	}
	fset := token.NewFileSet()
	f := fset.AddFile("", fset.Base(), len(text))
	var s scanner.Scanner
	s.Init(f, []byte(text), nil, scanner.ScanComments)
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return lengths
		}
		if tok != token.STRING {
			continue
		}
		first := f.Position(pos).Line - 1
		for i, part := range strings.Split(literal, "\n") {
			n := utf8.RuneCountInString(part)
			if n > longString || strings.Contains(literal, "\n") {
				lengths[first+i] -= n
			}
		}
	}
}

// isRow reports whether a line is a row of a table: a composite literal that begins
// and ends in it, with its key or without, or a value whose key is a string.
func isRow(line string) bool {
	line, _, _ = strings.Cut(strings.TrimSpace(line), ", //")
	line = strings.TrimSuffix(line, ",")
	if key := strings.HasPrefix(line, `"`) && strings.Contains(line, `": `); key {
		return true
	}
	return strings.HasSuffix(line, "}") &&
		(strings.HasPrefix(line, "{") || strings.Contains(line, ": {"))
}

// TestLineLengths: what counts of a line, and what does not.
func TestLineLengths(t *testing.T) {
	long := strings.Repeat("x", longString)
	for _, tc := range []struct {
		text string
		want int
	}{
		{"var a = 1", 9},
		{"\tß // ä", 7},
		{`var a = "short"`, 15},
		{`var a = "` + long + `"`, 8},
		{"var a = `" + long + "\nb`", 8},
	} {
		if got := lineLengths(tc.text)[0]; got != tc.want {
			t.Errorf("%q has %d characters that count, want %d", tc.text, got, tc.want)
		}
	}
	for line, want := range map[string]bool{
		`		{"a", 1, f},`:     true,
		`		{"a", 1}, // why`: true,
		`		"a": {1, 2},`:     true,
		`		name: {1, 2},`:    true,
		`		"a":  f,`:         true,
		`	f(a, b)`:           false,
		`	return "a"`:        false,
	} {
		if got := isRow(line); got != want {
			t.Errorf("%q is a row: %v, want %v", line, got, want)
		}
	}
}
