package ssatest

import (
	"strings"
	"unicode/utf8"
)

// PageWidth is where lines of pages in docs end, but for tables and code.
const PageWidth = 100

// Fill breaks a paragraph of a page into lines. The first one begins with first,
// such as "- ", the others are indented by as much.
func Fill(first, text string) string {
	var out strings.Builder
	indent := strings.Repeat(" ", utf8.RuneCountInString(first))
	line := first
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > PageWidth:
			out.WriteString(line + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	out.WriteString(line + "\n")
	return out.String()
}
