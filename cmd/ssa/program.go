package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys/regular"
)

// findProgram looks a program up as a shell does, and refuses what cannot work.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		return "", &problem{what: fmt.Sprintf("%s: there is no such program", name),
			hint: "give the path of the program, or a name that is found in PATH", status: statusNotFound}
	case err != nil:
		return "", &problem{what: fmt.Sprintf("%s cannot be executed: %v", name, errors.Unwrap(err)),
			status: statusNotExecutable}
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", &problem{what: err.Error(), status: statusNotFound}
	}
	if st.Mode()&os.ModeSetuid != 0 && !mayKeepPrivileges() && !ownedByUs(st) {
		return "", &problem{what: fmt.Sprintf("%s is set-user-ID: under ssa run it could not change its user", path),
			hint: "run ssa itself as that user: for example `sudo ssa run -- program` in place of `ssa run -- sudo program`", status: statusNotExecutable}
	}
	return path, refuse32(path)
}

func ownedByUs(st os.FileInfo) bool {
	sys, ok := st.Sys().(*unix.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}

// refuse32 says why a 32-bit program cannot be run: its system calls would go
// round the gate, so the filter refuses them.
func refuse32(path string) error {
	f, err := regular.Open(path)
	if err != nil {
		return nil // may be executable without being readable
	}
	defer f.Close()
	var head [5]byte
	if n, _ := f.Read(head[:]); n == len(head) && string(head[:4]) == "\x7fELF" && head[4] == 1 {
		return &problem{what: path + " is a 32-bit program, which ssa run does not support",
			hint: "use a 64-bit build of it", status: statusNotExecutable}
	}
	return nil
}

// mayKeepPrivileges reports whether a filter may be installed without
// no_new_privs, which needs CAP_SYS_ADMIN: then set-user-ID programs work.
func mayKeepPrivileges() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// checkKernel refuses kernels without SECCOMP_ADDFD_FLAG_SEND, Linux 5.14.
func checkKernel() error {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("asking for the kernel's version: %w", err)
	}
	release := unix.ByteSliceToString(u.Release[:])
	if !atLeast(release, 5, 14) {
		return &problem{what: "this kernel is Linux " + release + ", and ssa run needs 5.14 or later",
			hint: "seccomp can hand over descriptors in one step (SECCOMP_ADDFD_FLAG_SEND) only since then", status: statusUsage}
	}
	return nil
}

// atLeast compares the beginning of a release such as "6.1.0-13-amd64".
func atLeast(release string, major, minor int) bool {
	parts := strings.SplitN(release, ".", 3)
	if len(parts) < 2 {
		return true
	}
	digits := func(s string) int {
		end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if end >= 0 {
			s = s[:end]
		}
		n, _ := strconv.Atoi(s)
		return n
	}
	a, b := digits(parts[0]), digits(parts[1])
	return a > major || a == major && b >= minor
}
