package policy

import (
	"fmt"
	"io/fs"
	"path/filepath"
)

// warnOfWriters warns of a file, or a folder and what is in it, that others
// than its owner may change: who can, decides in the administrator's place.
func (l *loader) warnOfWriters(at Position, what, path string) {
	if l.outline {
		return
	}
	info, err := fs.Stat(l.files, fsName(path))
	if err != nil {
		return
	}
	l.warnOfWriter(at, what, path, info.Mode())
	if !info.IsDir() {
		return
	}
	entries, _ := fs.ReadDir(l.files, fsName(path)) // who reads the folder reports it
	for _, entry := range entries {
		file := filepath.Join(path, entry.Name())
		if info, err := fs.Stat(l.files, fsName(file)); err == nil && info.Mode().IsRegular() {
			l.warnOfWriter(at, what, file, info.Mode())
		}
	}
}

func (l *loader) warnOfWriter(at Position, what, path string, mode fs.FileMode) {
	if mode.Perm()&0o022 == 0 {
		return
	}
	who := "its group"
	if mode.Perm()&0o002 != 0 {
		who = "everyone"
	}
	l.warning(at, fmt.Sprintf("%s: %s may be written by %s (mode %04o); chmod go-w it", what, path, who, mode.Perm()))
}
