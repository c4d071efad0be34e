package sys

import "golang.org/x/sys/unix"

// MaxDescriptors is how many descriptors this process may have, RLIMIT_NOFILE,
// and at most the kernel's usual ceiling.
func MaxDescriptors() int {
	const unknown, most = 1024, 1 << 20
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return unknown
	}
	return int(min(r.Cur, most))
}
