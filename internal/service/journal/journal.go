// Package journal writes log records to the journal of systemd with their
// attributes as fields, so that `journalctl TLS_ID=17` finds a connection. It
// speaks the journal's native protocol, opens no file, and decides nothing.
package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Socket is where the journal takes records.
const Socket = "/run/systemd/journal/socket"

// Connected reports whether a file, which is standard error, goes to the
// journal already, as the value of JOURNAL_STREAM says.
func Connected(file *os.File, stream string) bool {
	device, inode, ok := strings.Cut(stream, ":")
	info, err := file.Stat()
	if !ok || err != nil {
		return false
	}
	st, isStat := info.Sys().(*syscall.Stat_t)
	return isStat && strconv.FormatUint(uint64(st.Dev), 10) == device &&
		strconv.FormatUint(st.Ino, 10) == inode
}

// Config is what a Handler needs.
type Config struct {
	// Conn is the way to the journal, of Dial.
	Conn *Conn
	// Text tells a record to a person, without time and level.
	Text func(slog.Record) string
	// Expand makes several attributes of one, which then are fields. Nil does not.
	Expand func(slog.Attr) []slog.Attr
	// Fallback gets what the journal does not take.
	Fallback slog.Handler
}

// Handler is a slog.Handler.
type Handler struct {
	cfg   Config
	attrs []slog.Attr
}

// New makes a Handler.
func New(cfg Config) *Handler { return &Handler{cfg: cfg} }

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context,
	level slog.Level) bool {
	return level >= slog.LevelInfo
}

// maxValue bounds, in bytes, one field of a record.
const maxValue = 8 << 10

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	var b bytes.Buffer
	field(&b, "MESSAGE", h.cfg.Text(r))
	field(&b, "PRIORITY", strconv.Itoa(priority(r.Level)))
	field(&b, "SYSLOG_IDENTIFIER", "ssa")
	add := func(a slog.Attr) bool {
		if name := fieldName(a.Key); name != "" {
			field(&b, name, fmt.Sprint(a.Value.Resolve().Any()))
		}
		return true
	}
	expand := func(a slog.Attr) bool {
		if h.cfg.Expand == nil {
			return add(a)
		}
		for _, a := range h.cfg.Expand(a) {
			add(a)
		}
		return true
	}
	for _, a := range h.attrs {
		expand(a)
	}
	r.Attrs(expand)
	err := h.cfg.Conn.send(b.Bytes())
	if err == nil || errors.Is(err, errBusy) { // standard error goes there too, and would wait
		return nil
	}
	if h.cfg.Fallback == nil {
		return err
	}
	return h.cfg.Fallback.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.cfg, append(slices.Clone(h.attrs), attrs...)}
}

// WithGroup implements slog.Handler: fields of the journal have no groups.
func (h *Handler) WithGroup(string) slog.Handler { return h }

func priority(level slog.Level) int {
	switch {
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= slog.LevelInfo:
		return 6
	}
	return 7
}

// fieldName is the name of an attribute's field: TLS_ and capitals.
func fieldName(key string) string {
	if key == "" || len(key) > 50 {
		return ""
	}
	return "TLS_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
}

// field writes a field with its length, which any value can have: what a peer
// or a program chose cannot begin another field.
func field(b *bytes.Buffer, name, value string) {
	value = value[:min(len(value), maxValue)]
	b.WriteString(name + "\n")
	_ = binary.Write(b, binary.LittleEndian, uint64(len(value))) // to memory
	b.WriteString(value + "\n")
}
