package audit

import (
	"fmt"
	"io"
)

// writer is the file that lines are written to. It is one goroutine's.
type writer struct {
	problem func(error)
	out     io.WriteCloser // nil before the first one
	failing bool           // and somebody was told
	torn    bool           // the last line is not whole
}

func (w *writer) use(out io.WriteCloser) {
	w.close()
	w.out, w.failing, w.torn = out, false, false
}

func (w *writer) close() {
	if w.out == nil {
		return
	}
	if err := w.out.Close(); err != nil && !w.failing {
		w.problem(fmt.Errorf("closing the audit log: %w", err))
	}
}

// write appends lines, each with one write, so that others who append to the
// same file do not come between, and returns how many could not be written.
func (w *writer) write(lines [][]byte) (lost uint64) {
	for _, line := range lines {
		if w.torn { // what is there of the last line stays alone
			line = append([]byte{'\n'}, line...)
		}
		n, err := w.out.Write(line)
		if err == nil {
			w.failing, w.torn = false, false
			continue
		}
		lost++
		w.torn = w.torn || n > 0
		if !w.failing {
			w.failing = true
			w.problem(fmt.Errorf("writing the audit log: %w", err))
		}
	}
	return lost
}
