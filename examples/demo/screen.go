package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// screen prints the story: titles, commands, what they said, and what was
// checked. Colours only on a terminal, and never when NO_COLOR is set.
type screen struct {
	out    io.Writer
	colour bool
	step   int
}

func newScreen(out *os.File) *screen {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &screen{out: out,
		colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

const (
	bold   = "1"
	faint  = "2"
	red    = "1;31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) title(text string) { fmt.Fprintf(s.out, "\n%s\n", s.paint(bold, text)) }

func (s *screen) heading(text string) {
	s.step++
	fmt.Fprintf(s.out, "\n%s  %s\n", s.paint(bold, fmt.Sprint(s.step)), s.paint(bold, text))
}

func (s *screen) command(args []string) {
	fmt.Fprintf(s.out, "   %s %s\n", s.paint(faint, "$"), s.paint(cyan, strings.Join(args, " ")))
}

// output shows what a program said, line by line, without control characters.
func (s *screen) output(text string) {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
	for line := range strings.Lines(strings.TrimSpace(clean)) {
		fmt.Fprintf(s.out, "   %s %s\n", s.paint(faint, "|"), strings.TrimRight(line, "\n"))
	}
}

func (s *screen) good(text string) { fmt.Fprintf(s.out, "   %s %s\n", s.paint(green, "ok"), text) }

func (s *screen) skip(text string) { fmt.Fprintf(s.out, "   %s %s\n", s.paint(yellow, "--"), text) }

func (s *screen) bad(err error) {
	fmt.Fprintf(s.out, "\n%s %v\n",
		s.paint(red, "demo failed:"), err)
}
