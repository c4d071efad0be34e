package pkcs11

import (
	"bytes"
	"log/slog"

	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// maxLines bounds what one process may put into the log.
const maxLines = 100

// lines passes on what a helper, or a module in it, says on standard error.
type lines struct {
	log  *slog.Logger
	left int // lines that may still be passed on
	rest []byte
}

// Write takes whole lines out of what is written. It never fails.
func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < wire.MaxText {
			return len(b), nil
		}
		if i < 0 || i > wire.MaxText {
			i = wire.MaxText
		}
		l.pass(l.rest[:i])
		l.rest = bytes.TrimPrefix(l.rest[i:], []byte("\n"))
	}
}

// flush passes on a last line without an end.
func (l *lines) flush() {
	l.pass(l.rest)
	l.rest = nil
}

func (l *lines) pass(line []byte) {
	if len(line) == 0 || l.left == 0 {
		return
	}
	l.left--
	l.log.Error("ssa-pkcs11: " + wire.Clean(string(line)))
}
