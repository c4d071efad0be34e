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

// Scarce reports whether a descriptor is among the last ones that RLIMIT_NOFILE
// allows, but for the given number that is to stay free. A new descriptor has the
// lowest number that is free, so its own number tells.
func (f *FD) Scarce(free int) bool {
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && uint64(f.Int()+free) >= limit.Cur
}
