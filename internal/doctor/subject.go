package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// subjectName is what the subject sets as the name of its peer.
const subjectName = "doctor.invalid"

// Subject does what a program under the gate does first: it makes a TLS socket
// and sets an option. It also tries to get round the gate.
func Subject() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, abi.ProtocolTLS)
	if err != nil {
		return fmt.Errorf("making a TLS socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptString(fd, abi.ProtocolTLS, int(abi.RemoteHostname),
		subjectName); err != nil {
		return fmt.Errorf("setting TLS_REMOTE_HOSTNAME: %w", err)
	}
	// Linux before 5.1 and a filter both say ENOSYS; EFAULT would be io_uring.
	if _, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0); errno != unix.ENOSYS {
		return fmt.Errorf("io_uring_setup under the gate: %v, want %v", errno, unix.ENOSYS)
	}
	return nil
}
