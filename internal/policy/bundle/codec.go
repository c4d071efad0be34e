package bundle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"
)

// magic begins an encoded bundle, with the version of the encoding.
const magic = "ssa policy bundle 1\n"

// Encode returns what was taken down as bytes, which hold secrets.
func (r *Recorder) Encode() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return encode(r.records, r.size)
}

func encode(records map[key]record, sizeHint int) []byte {
	w := writer{make([]byte, 0, sizeHint+len(magic)+1024)}
	w.out = append(w.out, magic...)
	w.number(uint64(len(records)))
	keys := slices.SortedFunc(maps.Keys(records), func(a, b key) int {
		if a.op != b.op {
			return int(a.op) - int(b.op)
		}
		return strings.Compare(a.name, b.name)
	})
	for _, k := range keys {
		rec := records[k]
		w.number(uint64(k.op))
		w.bytes([]byte(k.name))
		w.number(uint64(rec.failure.errno))
		w.bytes([]byte(rec.failure.text))
		switch k.op {
		case opStat:
			w.bytes([]byte(rec.info.name))
			w.number(uint64(rec.info.mode))
			w.number(uint64(rec.info.size))
			w.number(uint64(rec.info.modified))
		case opRead:
			w.bytes(rec.data)
		case opList:
			w.number(uint64(len(rec.list)))
			for _, e := range rec.list {
				w.bytes([]byte(e.name))
				w.number(uint64(e.kind))
			}
		case opReal:
			w.bytes([]byte(rec.real))
		}
	}
	return w.out
}

// Decode reads what Encode made. Files in the bundle are parts of data.
func Decode(data []byte) (*Bundle, error) {
	rest, ok := strings.CutPrefix(string(data[:min(len(data), len(magic))]), magic)
	if !ok || rest != "" {
		return nil, errors.New("reading a policy bundle: it does not begin as one")
	}
	r := reader{in: data[len(magic):]}
	b := &Bundle{map[key]record{}}
	for n := r.number(); n > 0 && r.err == nil; n-- {
		k, rec := r.record()
		if _, twice := b.records[k]; twice {
			r.fail("%q is listed twice", k.name)
		}
		b.records[k] = rec
	}
	if r.err == nil && len(r.in) > 0 {
		r.fail("%d bytes are left", len(r.in))
	}
	if r.err != nil {
		return nil, fmt.Errorf("reading a policy bundle: %w", r.err)
	}
	return b, nil
}

func (r *reader) record() (k key, rec record) {
	k.op = operation(r.number())
	k.name = string(r.bytes())
	rec.failure.errno = syscall.Errno(r.number())
	rec.failure.text = string(r.bytes())
	switch k.op {
	case opStat:
		rec.info = info{string(r.bytes()), fs.FileMode(r.number()), int64(r.number()), int64(r.number())}
	case opRead:
		rec.data = r.bytes()
	case opList:
		for n := r.number(); n > 0 && r.err == nil; n-- {
			rec.list = append(rec.list, entry{string(r.bytes()), fs.FileMode(r.number())})
		}
	case opReal:
		rec.real = string(r.bytes())
	default:
		r.fail("there is no operation %d", k.op)
	}
	return k, rec
}

type writer struct{ out []byte }

func (w *writer) number(n uint64) { w.out = binary.AppendUvarint(w.out, n) }

func (w *writer) bytes(b []byte) {
	w.number(uint64(len(b)))
	w.out = append(w.out, b...)
}

// reader reads until something is wrong; after that all is zero.
type reader struct {
	in  []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.in = nil
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.in)
	if size <= 0 {
		r.fail("it is cut short")
		return 0
	}
	r.in = r.in[size:]
	return n
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.in)) {
		r.fail("it is cut short")
		return nil
	}
	b := r.in[:n:n]
	r.in = r.in[n:]
	return b
}
