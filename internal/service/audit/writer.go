package audit

import (
	"fmt"
	"io"
)

// line is what is to be written. It stands for so many refusals or events: a
// line about those that were left out, for these. One without text stands for
// lines that could not even wait.
type line struct {
	text   []byte
	stands uint64
}

// writer is the file that lines are written to. It is one goroutine's.
type writer struct {
	problem func(error)
	told    func(lost uint64) []byte // the line about those that were lost
	out     io.WriteCloser           // nil before the first one
	lost    uint64                   // what is in no file, and no file says so yet
	failing bool                     // and somebody was told
	torn    bool                     // the last line is not whole
}

func (w *writer) use(out io.WriteCloser) {
	w.close()
	w.out, w.failing = out, false // it may be the same file, and torn
}

func (w *writer) close() {
	if w.out == nil {
		return
	}
	if err := w.out.Close(); err != nil && !w.failing {
		w.problem(fmt.Errorf("closing the audit log: %w", err))
	}
}

// write appends lines. What cannot be written is counted until a line that
// tells the count could be.
func (w *writer) write(lines []line) {
	for _, l := range lines {
		if len(l.text) == 0 || !w.tell() || !w.append(l.text) {
			w.lost += l.stands
		}
	}
}

// tell writes what was lost, if anything, and reports whether all is told.
func (w *writer) tell() bool {
	if w.lost > 0 && w.append(w.told(w.lost)) {
		w.lost = 0
	}
	return w.lost == 0
}

// append writes one line with one write, so that others who append to the same
// file do not come between.
func (w *writer) append(text []byte) bool {
	if w.torn { // what is there of the last line stays alone
		text = append([]byte{'\n'}, text...)
	}
	n, err := w.out.Write(text)
	if err == nil {
		w.failing, w.torn = false, false
		return true
	}
	w.torn = w.torn || n > 0
	if !w.failing {
		w.failing = true
		w.problem(fmt.Errorf("writing the audit log: %w", err))
	}
	return n == len(text)-1 // but for its end it is there
}
