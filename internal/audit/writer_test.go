package audit

import (
	"bytes"
	"errors"
	"testing"
)

// disk takes so many bytes and no more.
type disk struct {
	bytes.Buffer
	room int
}

var errFull = errors.New("no space left")

func (d *disk) Write(data []byte) (int, error) {
	n := min(len(data), d.room)
	d.room -= n
	d.Buffer.Write(data[:n])
	if n < len(data) {
		return n, errFull
	}
	return n, nil
}

func (d *disk) Close() error { return nil }

// A line for which the room was not enough does not spoil the one after it.
func TestFullDisk(t *testing.T) {
	told := 0
	d := &disk{room: 12}
	w := &writer{problem: func(error) { told++ }}
	w.use(d)
	lines := [][]byte{[]byte("{\"a\":1}\n"), []byte("{\"b\":2}\n"), []byte("{\"c\":3}\n")}
	if lost := w.write(lines); lost != 2 || told != 1 {
		t.Errorf("%d lines are lost, it was told %d times", lost, told)
	}
	d.room = 100
	if lost := w.write(lines[2:]); lost != 0 {
		t.Errorf("%d lines are lost where there is room", lost)
	}
	if got, want := d.String(), "{\"a\":1}\n{\"b\"\n{\"c\":3}\n"; got != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
}
