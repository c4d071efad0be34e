// Package subject is what a policy is asked about: a program, as the kernel
// describes it. Who finds out about programs, and who carries the answer from
// process to process, needs this and no policy.
package subject

// Program is what is known of a program, from the kernel and not from the
// program itself.
type Program struct {
	// Exe is the real path of the executable, so never a symbolic link, where
	// it is known to be the file of that path: package program says what that
	// takes. Any other one does not begin with a slash. Of a script it is the
	// interpreter.
	Exe string
	// Script is the real path of the script when Exe is its interpreter, ""
	// if none. The kernel does not vouch for it: a profile that is laxer than
	// the default should not be given by script.
	Script   string
	UID, GID uint32
	Groups   []uint32 // supplementary groups
	Cgroup   string   // path in the unified hierarchy, for example "/user.slice"
}

// DeletedMark is what the kernel appends to the path of an executable that was
// removed or replaced while it runs (proc(5)).
const DeletedMark = " (deleted)"
