package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secure-socket-api/ssa/internal/sys/regular"
)

// Source is the file system that a policy is read from, by names without the
// slash at the beginning.
type Source interface {
	fs.FS
	// RealPath follows the symbolic links of a path, filepath.EvalSymlinks.
	RealPath(path string) (string, error)
}

// Machine is the file system of this machine.
func Machine() Source { return machine{regular.FS("/")} }

type machine struct{ fs.FS }

func (machine) RealPath(path string) (string, error) { return filepath.EvalSymlinks(path) }

// fsName is the name that package fs has for a path.
func fsName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if name := strings.TrimPrefix(path, "/"); name != "" {
		return name
	}
	return "."
}

// SystemFiles lists the files of the machine's policy in the order in which
// LoadSystem reads them. The first one need not exist.
func SystemFiles(root string) ([]string, error) {
	names, _, err := systemFiles(Machine(), root)
	return names, err
}

// systemFiles also lists files beside them that look like a policy, but for
// their name.
func systemFiles(files fs.FS, root string) (names, ignored []string, err error) {
	base := filepath.Join(root, "etc", "ssa")
	names = []string{filepath.Join(base, "policy.yaml")}
	for _, other := range []string{"policy.yml", "policy.json"} {
		if _, err := fs.Stat(files, fsName(filepath.Join(base, other))); err == nil {
			ignored = append(ignored, filepath.Join(base, other))
		}
	}
	folder := filepath.Join(base, "policy.d")
	entries, err := fs.ReadDir(files, fsName(folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read the policy folder: %w", fileError(folder, err))
	}
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		switch ext := filepath.Ext(e.Name()); {
		case strings.HasPrefix(e.Name(), "."):
		case ext == ".yaml":
			names = append(names, name)
		case slices.Contains([]string{".yaml", ".yml", ".json", ".conf"}, strings.ToLower(ext)):
			ignored = append(ignored, name)
		}
	}
	return names, ignored, nil
}

// readSystemFile reads a file that must be under the administrator's control.
func (l *loader) readSystemFile(path string) error {
	info, err := fs.Stat(l.files, fsName(path))
	if err != nil {
		return fmt.Errorf("read the policy: %w", fileError(path, err))
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("read the policy: %s may be written by everyone; chmod o-w it", path)
	}
	return l.readFile(path)
}

func (l *loader) readFile(path string) error {
	data, err := readRegular(l.files, fsName(path), maxFileSize+1)
	if err != nil {
		return fmt.Errorf("read the policy %w", fileError(path, err))
	}
	l.warnOfWriters(Position{File: path}, "the policy", path)
	l.decode(path, data)
	return nil
}

// readRegular reads a regular file of at most limit bytes; more is cut off.
func readRegular(files fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
