// Package regular opens regular files, and nothing that could keep a reader
// waiting or that reading changes: no FIFO, no device, no file that somebody has
// a lease on. It knows nothing of what is in the files.
package regular

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Open opens a regular file to read it.
func Open(path string) (*os.File, error) { return open(path, false) }

// ReadFile reads a regular file.
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// open looks before it opens, since opening a device may do something, and
// again at what it has opened, which may be another file by now.
func open(path string, folders bool) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = check(path, info, folders)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(path, info, folders)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Error says what a file is that is not opened.
type Error struct{ Kind string }

func (e *Error) Error() string { return "it is " + e.Kind + ", and must be a regular file" }

func check(path string, info fs.FileInfo, folders bool) error {
	kind := ""
	switch mode := info.Mode(); {
	case mode.IsRegular(), folders && mode.IsDir():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a FIFO"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	default:
		kind = "something special"
	}
	return &fs.PathError{Op: "open", Path: path, Err: &Error{kind}}
}

// FS is the files and folders below a folder, like os.DirFS.
func FS(root string) fs.FS { return files(root) }

type files string

// Open implements fs.FS.
func (f files) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return open(f.path(name), true)
}

// Stat implements fs.StatFS: it tells of special files too.
func (f files) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	return os.Stat(f.path(name))
}

func (f files) path(name string) string {
	return filepath.Join(string(f),
		filepath.FromSlash(name))
}
