package main

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// paint colours words for a person at a terminal, and leaves them alone
// everywhere else.
type paint bool

// painter looks at where the output goes: https://no-color.org.
func painter(out io.Writer) paint {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

func (p paint) wrap(code, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p paint) bold(text string) string { return p.wrap("1", text) }
func (p paint) dim(text string) string  { return p.wrap("2", text) }
func (p paint) good(text string) string { return p.wrap("32", text) }
func (p paint) bad(text string) string  { return p.wrap("31", text) }
func (p paint) warn(text string) string { return p.wrap("33", text) }

// oneLine is the text of an error, fit for a terminal. Errors that were joined,
// one for each address of a name, have a line each.
func oneLine(err error) string { return printable(strings.ReplaceAll(err.Error(), "\n", "; ")) }

// printable makes text that comes from a file or a peer fit for a terminal: no
// control characters, no invisible ones that change the direction of writing.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text)
}
