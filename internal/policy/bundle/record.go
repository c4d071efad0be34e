package bundle

import (
	"errors"
	"io/fs"
	"path"
	"syscall"
	"time"
)

// operation is one that package policy does on files.
type operation uint8

const (
	opStat operation = iota + 1
	opRead
	opList
	opReal
)

var operationNames = map[operation]string{opStat: "stat", opRead: "open", opList: "open",
	opReal: "lstat"}

// key is what was asked.
type key struct {
	op   operation
	name string
}

// record is what the answer was.
type record struct {
	failure failure
	info    info    // of opStat
	data    []byte  // of opRead
	list    []entry // of opList
	real    string  // of opReal
}

// failure is an error, by number where it has one: it is the same to errors.Is
// then, and says the same in any case.
type failure struct {
	errno syscall.Errno
	text  string
}

func failureOf(err error) failure {
	var errno syscall.Errno
	switch pathErr := (*fs.PathError)(nil); {
	case err == nil:
		return failure{}
	case errors.As(err, &errno):
		return failure{errno: errno}
	case errors.As(err, &pathErr):
		return failure{text: pathErr.Err.Error()}
	}
	return failure{text: err.Error()}
}

func (f failure) err(k key) error {
	switch {
	case f.errno != 0:
		return &fs.PathError{Op: operationNames[k.op], Path: k.name, Err: f.errno}
	case f.text != "":
		return &fs.PathError{Op: operationNames[k.op], Path: k.name, Err: errors.New(f.text)}
	}
	return nil
}

// info is what of a file's metadata is kept.
type info struct {
	name     string
	mode     fs.FileMode
	size     int64
	modified int64 // nanoseconds since 1970
}

func infoOf(i fs.FileInfo) info {
	return info{i.Name(), i.Mode(), i.Size(), i.ModTime().UnixNano()}
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Unix(0, i.modified) }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

// entry is one of a folder.
type entry struct {
	name string
	kind fs.FileMode // type bits
}

func (e entry) Name() string      { return e.name }
func (e entry) IsDir() bool       { return e.kind.IsDir() }
func (e entry) Type() fs.FileMode { return e.kind }
func (e entry) Info() (fs.FileInfo, error) {
	return nil, &fs.PathError{Op: "stat", Path: e.name, Err: errNotRead}
}
