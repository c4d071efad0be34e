package bundle

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// Source is what a policy is read from, policy.Source.
type Source interface {
	fs.FS
	RealPath(path string) (string, error)
}

const (
	maxFile  = 64 << 20  // bytes of one file; all that is read has a smaller limit
	maxTotal = 256 << 20 // bytes of a bundle
)

// Recorder is a Source that takes down what is read from another. Each thing
// is asked for once, so whoever reads it again, here or elsewhere, finds the
// same.
type Recorder struct {
	from Source

	mu      sync.Mutex
	records map[key]record
	size    int
}

// NewRecorder makes a recorder that has taken nothing down yet.
func NewRecorder(from Source) *Recorder {
	return &Recorder{from: from, records: map[key]record{}}
}

// ask returns the record of something that was asked before, or takes it down.
func (r *Recorder) ask(op operation, name string, ask func(*record) error) (record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{op, name}
	if known, ok := r.records[k]; ok {
		return known, known.failure.err(k)
	}
	var fresh record
	fresh.failure = failureOf(ask(&fresh))
	r.size += len(name) + len(fresh.data) + 64*(1+len(fresh.list))
	if r.size > maxTotal {
		clear(fresh.data)
		return record{}, fmt.Errorf("the policy names more than %d MiB", maxTotal>>20)
	}
	r.records[k] = fresh
	return fresh, fresh.failure.err(k)
}

// Stat implements fs.StatFS.
func (r *Recorder) Stat(name string) (fs.FileInfo, error) {
	rec, err := r.ask(opStat, name, func(rec *record) error {
		i, err := fs.Stat(r.from, name)
		if err == nil {
			rec.info = infoOf(i)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return rec.info, nil
}

// ReadDir implements fs.ReadDirFS.
func (r *Recorder) ReadDir(name string) ([]fs.DirEntry, error) {
	rec, err := r.ask(opList, name, func(rec *record) error {
		list, err := fs.ReadDir(r.from, name)
		for _, e := range list {
			rec.list = append(rec.list, entry{e.Name(), e.Type()})
		}
		return err
	})
	return entries(rec.list), err
}

// Open implements fs.FS. The file is read at once.
func (r *Recorder) Open(name string) (fs.File, error) {
	rec, err := r.ask(opRead, name, func(rec *record) (err error) {
		f, err := r.from.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		rec.data, err = io.ReadAll(io.LimitReader(f, maxFile))
		return err
	})
	if err != nil {
		return nil, err
	}
	return newFile(rec.data, func() (fs.FileInfo, error) { return r.Stat(name) }), nil
}

// RealPath implements Source.
func (r *Recorder) RealPath(path string) (string, error) {
	rec, err := r.ask(opReal, path, func(rec *record) (err error) {
		rec.real, err = r.from.RealPath(path)
		return err
	})
	return rec.real, err
}

// Clear overwrites what was read and forgets it.
func (r *Recorder) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.records {
		clear(rec.data)
	}
	r.records = map[key]record{}
}

func entries(list []entry) []fs.DirEntry {
	all := make([]fs.DirEntry, len(list))
	for i, e := range list {
		all[i] = e
	}
	return all
}

// file is an open file of memory, for fs.File.
type file struct {
	*bytes.Reader
	stat func() (fs.FileInfo, error)
}

func newFile(data []byte, stat func() (fs.FileInfo, error)) *file {
	return &file{bytes.NewReader(data), stat}
}

func (f *file) Stat() (fs.FileInfo, error) { return f.stat() }
func (f *file) Close() error               { return nil }
