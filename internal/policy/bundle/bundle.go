package bundle

import (
	"errors"
	"io/fs"
	"maps"
)

// errNotRead is the error of what is not in a bundle.
var errNotRead = errors.New("it was not read when the policy was first loaded")

// Bundle is a Source of what a Recorder took down. It knows nothing else.
type Bundle struct {
	records map[key]record
}

func (b *Bundle) find(op operation, name string) (record, error) {
	k := key{op, name}
	rec, ok := b.records[k]
	if !ok {
		return record{}, &fs.PathError{Op: operationNames[op], Path: name, Err: errNotRead}
	}
	return rec, rec.failure.err(k)
}

// Stat implements fs.StatFS.
func (b *Bundle) Stat(name string) (fs.FileInfo, error) {
	rec, err := b.find(opStat, name)
	if err != nil {
		return nil, err
	}
	return rec.info, nil
}

// ReadDir implements fs.ReadDirFS.
func (b *Bundle) ReadDir(name string) ([]fs.DirEntry, error) {
	rec, err := b.find(opList, name)
	return entries(rec.list), err
}

// Open implements fs.FS.
func (b *Bundle) Open(name string) (fs.File, error) {
	rec, err := b.find(opRead, name)
	if err != nil {
		return nil, err
	}
	return newFile(rec.data, func() (fs.FileInfo, error) { return b.Stat(name) }), nil
}

// RealPath implements Source.
func (b *Bundle) RealPath(path string) (string, error) {
	rec, err := b.find(opReal, path)
	return rec.real, err
}

// Keep returns a bundle of some files alone, for what is read again later, and
// of those that another has beside; that one may be nil.
func (b *Bundle) Keep(others *Bundle, names ...string) *Bundle {
	kept := &Bundle{map[key]record{}}
	if others != nil {
		maps.Copy(kept.records, others.records)
	}
	for _, name := range names {
		for _, op := range []operation{opStat, opRead} {
			if rec, ok := b.records[key{op, name}]; ok {
				rec.data = append([]byte(nil), rec.data...)
				kept.records[key{op, name}] = rec
			}
		}
	}
	return kept
}
