package sys

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// ReadProc reads a small file of proc(5), at most limit bytes of it, without
// os.File, which would try to poll it.
func ReadProc(path string, limit int) ([]byte, error) {
	n, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	fd := Own(n)
	defer fd.Close()
	buf := make([]byte, min(limit, 4096))
	for used := 0; ; {
		n, err := unix.Read(fd.Int(), buf[used:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		used += n
		switch {
		case n == 0 || used == limit:
			return buf[:used], nil
		case used == len(buf):
			buf = append(buf, make([]byte, min(limit-used, len(buf)))...)
		}
	}
}
