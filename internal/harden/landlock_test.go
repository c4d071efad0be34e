package harden

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

func TestConfine(t *testing.T) {
	if _, err := sys.LandlockABI(); err != nil {
		ssatest.Missing(t, "Landlock: "+err.Error())
	}
	dir := t.TempDir()
	for _, name := range []string{"allowed", "denied"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, "confined "+dir, false)
}

// TestDeniedGrows: rights that a version does not know make landlock(7) refuse
// the ruleset.
func TestDeniedGrows(t *testing.T) {
	for abi := range 9 {
		attr := denied(abi)
		if got, want := attr.HandledNet != 0, abi >= 4; got != want {
			t.Errorf("ABI %d: ports are handled: %v", abi, got)
		}
		if got, want := attr.Scoped != 0, abi >= 6; got != want {
			t.Errorf("ABI %d: scopes are set: %v", abi, got)
		}
		if got, want := attr.HandledFS&unix.LANDLOCK_ACCESS_FS_TRUNCATE != 0, abi >= 3; got != want {
			t.Errorf("ABI %d: truncation is handled: %v", abi, got)
		}
	}
}

// confined tries what Landlock denies, even to root.
func confined(dir string) error {
	return onThread(func() error {
		if err := NoNewPrivileges(); err != nil {
			return err
		}
		abi, err := Confine(Paths{Read: []string{filepath.Join(dir, "allowed"),
			filepath.Join(dir, "none")}})
		if err != nil {
			return err
		}
		_, allowed := os.ReadFile(filepath.Join(dir, "allowed"))
		_, denied := os.ReadFile(filepath.Join(dir, "denied"))
		_, shadow := os.ReadFile("/etc/shadow")
		_, list := os.ReadDir(dir)
		all := errors.Join(allowed,
			mustFail("reading another file", denied, unix.EACCES),
			mustFail("reading /etc/shadow", shadow, unix.EACCES),
			mustFail("listing the folder", list, unix.EACCES),
			mustFail("writing the file", os.WriteFile(filepath.Join(dir, "allowed"), nil, 0), unix.EACCES),
			mustFail("removing the file", os.Remove(filepath.Join(dir, "allowed")), unix.EACCES),
			mustFail("running a program", exec.Command("/bin/true").Run(), unix.EACCES))
		if abi >= 4 {
			all = errors.Join(all, mustFail("binding a TCP port", bindPort(), unix.EACCES))
		}
		if abi >= 6 {
			all = errors.Join(all, mustFail("signalling the parent", unix.Kill(unix.Getppid(), 0),
				unix.EPERM))
		}
		if all != nil {
			return fmt.Errorf("with version %d: %w", abi, all)
		}
		return nil
	})
}

// bindPort binds a socket of plain TCP: net.Listen makes one of MPTCP, which
// Landlock does not know.
func bindPort() error {
	fd, err := sys.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if err != nil {
		return err
	}
	defer fd.Close()
	return unix.Bind(fd.Int(), &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
}
