package monitor

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// maxBundle is the size of the largest bundle of a policy in bytes.
const maxBundle = 300 << 20

// seal puts bytes into memory that another process can read through a
// descriptor, and nobody can change, memfd_create(2).
func seal(data []byte) (*sys.FD, error) {
	n, err := unix.MemfdCreate("ssa-policy", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("making memory to hand over: %w", err)
	}
	fd := sys.Own(n)
	for done := 0; done < len(data); {
		n, err := unix.Pwrite(fd.Int(), data[done:], int64(done))
		if err != nil {
			fd.Close()
			return nil, fmt.Errorf("writing to memory to hand over: %w", err)
		}
		done += n
	}
	const all = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd.Int()), unix.F_ADD_SEALS, all); err != nil {
		fd.Close()
		return nil, fmt.Errorf("sealing memory to hand over: %w", err)
	}
	return fd, nil
}

// unseal reads what was sealed, and closes the descriptor.
func unseal(fd *sys.FD, size int64) ([]byte, error) {
	file := os.NewFile(uintptr(fd.Disown()), "policy")
	defer file.Close()
	st, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case size > maxBundle || size != st.Size():
		return nil, errors.New("a policy does not have the size that was announced")
	}
	data := make([]byte, size)
	if _, err := file.ReadAt(data, 0); err != nil && size > 0 {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	return data, nil
}
