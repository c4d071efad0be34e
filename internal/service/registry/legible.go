package registry

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Legible returns JSON that means the same, and in which characters that a
// terminal obeys, or that nobody sees, are written as escapes: peers and programs
// choose texts, and administrators look at JSON in terminals.
func Legible(text []byte) []byte {
	at := 0
	for at < len(text) && text[at] < 0x7f {
		at++
	}
	if at == len(text) {
		return text // what is below is escaped in all JSON
	}
	out := append(make([]byte, 0, len(text)+64), text[:at]...)
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		switch {
		case r < 0x7f, unicode.IsPrint(r) && (r != utf8.RuneError || n > 1):
			out = append(out, text[at:at+n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		at += n
	}
	return out
}
