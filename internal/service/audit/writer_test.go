package audit

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
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

func lineOf(text string) line { return line{[]byte(text), 1} }

func newWriter(problem func(error)) *writer {
	return &writer{problem: problem,
		told: func(n uint64) []byte { return fmt.Appendf(nil, "lost %d.\n", n) }}
}

// A line for which the room was not enough does not spoil the one after it.
func TestFullDisk(t *testing.T) {
	told := 0
	d := &disk{room: 12}
	w := newWriter(func(error) { told++ })
	w.use(d)
	lines := []line{lineOf("{\"a\":1}\n"), lineOf("{\"b\":2}\n"), lineOf("{\"c\":3}\n")}
	if w.write(lines); w.lost != 2 || told != 1 {
		t.Errorf("%d lines are lost, it was told %d times", w.lost, told)
	}
	d.room = 100
	if w.write(lines[2:]); w.lost != 0 {
		t.Errorf("%d lines are lost where there is room", w.lost)
	}
	if got, want := d.String(), "{\"a\":1}\n{\"b\"\nlost 2.\n{\"c\":3}\n"; got != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
}

// However a full disk and lines come in turn, every line is there or counted:
// also those that were to tell of others.
func TestLostIsExact(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWriter(func(error) {})
		d := &disk{}
		w.use(d)
		written, sum := uint64(0), uint64(0)
		for range 100 {
			d.room = random.IntN(40)
			if random.IntN(10) == 0 {
				w.use(d) // another file
			}
			batch := make([]line, random.IntN(5))
			for i := range batch {
				batch[i] = line{[]byte("entry\n"), 1}
				switch random.IntN(6) {
				case 0:
					batch[i] = line{stands: 3} // had no room to wait
				case 1:
					batch[i] = line{[]byte("left out 7.\n"), 7}
				}
				sum += batch[i].stands
			}
			w.write(batch)
		}
		d.room = 1000
		w.tell()
		for text := range strings.Lines(d.String()) {
			var n uint64
			switch text = strings.TrimSuffix(text, "\n"); {
			case text == "entry":
				written++
			case text == "left out 7.":
				written += 7
			default:
				if _, err := fmt.Sscanf(text, "lost %d.", &n); err == nil &&
					text == fmt.Sprintf("lost %d.", n) {
					written += n
				}
			}
		}
		if written != sum || w.lost != 0 {
			t.Fatalf("seed %d: the log tells of %d of %d, and %d are not told", seed, written, sum, w.lost)
		}
	}
}
