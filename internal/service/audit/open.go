package audit

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Open opens the file of an audit log for appending, and makes it, for its
// owner alone, when there is none.
func Open(path string) (*os.File, error) {
	file, err := os.OpenFile(path,
		os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the audit log: %w", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("the audit log: %w", err)
	case !info.Mode().IsRegular():
		err = fmt.Errorf("the audit log %s is not a regular file", path)
	case info.Mode().Perm()&0o022 != 0:
		err = fmt.Errorf("the audit log %s may be written by others than its owner (mode %04o)", path, info.Mode().Perm())
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
