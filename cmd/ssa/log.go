package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// lineHandler writes log records as lines for a person: "ssa: [4] connected to
// example.com ...".
type lineHandler struct {
	mu  sync.Mutex
	out io.Writer
}

// Enabled shows what is not for developers of ssa alone.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

// Handle writes one line.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	line := "ssa: " + lineText(r) + "\n"
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.out, line)
	return err
}

// lineText tells a record in one line. Of what peers and programs chose,
// nothing is left that a terminal obeys or that looks like another record.
func lineText(r slog.Record) string {
	var b strings.Builder
	var facts string
	var about []string
	r.Attrs(func(a slog.Attr) bool {
		switch v := a.Value.Any().(type) {
		case *engine.Facts:
			facts = ": " + printable(v.String())
		default:
			if a.Key == "id" {
				fmt.Fprintf(&b, "[%v] ", v)
				return true
			}
			about = append(about, a.Key+" "+apart(printable(fmt.Sprint(v))))
		}
		return true
	})
	if r.Level >= slog.LevelError {
		b.WriteString("error: ")
	}
	b.WriteString(printableLines(r.Message))
	if len(about) > 0 {
		b.WriteString(" (" + strings.Join(about, ", ") + ")")
	}
	return b.String() + facts
}

// apart quotes a value that would look like several, or like the end of them.
func apart(value string) string {
	if strings.Contains(value, ", ") || strings.Contains(value, "): ") {
		return strconv.Quote(value)
	}
	return value
}

// printableLines makes a message printable. It may have several lines; none but
// the first looks like the beginning of a record.
func printableLines(text string) string {
	all := strings.Split(strings.ReplaceAll(text, "\t", "    "), "\n")
	for i, line := range all {
		all[i] = printable(line)
	}
	return strings.Join(all, "\n     ")
}

// WithAttrs and WithGroup are not used by this program's loggers.
func (h *lineHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *lineHandler) WithGroup(string) slog.Handler      { return h }
