//go:build linux

package seccomp_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/shares"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// What a holder keeps its gate waiting with, as which user it does so, and with
// how many threads.
const (
	holdEnv    = "SSA_TEST_HOLD" // "userfaultfd", or the name of a file
	holdUser   = "SSA_TEST_HOLD_USER"
	holdThread = "SSA_TEST_HOLD_THREADS"
)

// startHolder starts a holder under the gate, and waits until it holds.
func startHolder(threads int) (*exec.Cmd, error) {
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), programEnv+"=hold", holdThread+"="+strconv.Itoa(threads))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	var answer string
	if _, err := fmt.Fscanln(out, &answer); err != nil || answer != "holds" {
		return c, fmt.Errorf("the holder says %q, %w", answer, err)
	}
	return c, nil
}

// hold sets options from memory that does not come, on many threads.
func hold() error {
	threads, err := strconv.Atoi(os.Getenv(holdThread))
	if err != nil {
		return err
	}
	memory, held, err := slowMemory(os.Getenv(holdEnv))
	if err != nil {
		return err
	}
	if user, err := strconv.Atoi(os.Getenv(holdUser)); err == nil && user != 0 {
		if err := errors.Join(unix.Setresgid(user, user, user),
			unix.Setresuid(user, user, user)); err != nil {
			return err
		}
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, tls)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			runtime.LockOSThread()
			setFrom(fd, memory)
		})
	}
	if err := held(); err != nil {
		return err
	}
	fmt.Println("holds")
	all.Wait()
	return nil
}

// tryAll makes the calls that must go on beside a holder.
func tryAll() error {
	plain, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(plain)
	anywhere := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.Bind(plain, anywhere), unix.Listen(plain, 1)); err != nil {
		return fmt.Errorf("a plain socket: %w", err)
	}
	at, err := unix.Getsockname(plain)
	if err != nil {
		return fmt.Errorf("getsockname: %w", err)
	}
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(client)
	if err := unix.Connect(client, at); err != nil {
		return fmt.Errorf("a plain connect: %w", err)
	}
	ours, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, tls)
	if err != nil {
		return err
	}
	defer unix.Close(ours)
	if err := unix.SetsockoptString(ours, tls, int(abi.RemoteHostname), "example.com"); err != nil {
		return fmt.Errorf("an option of TLS: %w", err)
	}
	return unix.Bind(ours, anywhere)
}

// A program whose memory does not come holds up itself: neither its siblings nor
// other users wait, and the gate's threads have an end.
func TestSlowMemory(t *testing.T) {
	for _, kind := range []string{"userfaultfd", "FUSE"} {
		for _, of := range []struct {
			who     string
			user    int
			holders int
		}{{"a sibling", 0, 1}, {"siblings", 0, 6}, {"another user", 48731, 6}} {
			t.Run(kind+", "+of.who, func(t *testing.T) {
				if of.user != 0 && os.Geteuid() != 0 {
					ssatest.Missing(t, "root, to be another user")
				}
				ssatest.NoLeaks(t)
				needSlow(t, kind)
				t.Setenv(holdUser, strconv.Itoa(of.user))
				r := newRig(t)
				before := threads(t)
				for range of.holders {
					if got := r.order(-300, 0, 0); got != "done" {
						t.Fatal(got)
					}
				}
				for range 3 {
					if got := r.order(-1, 0, 0); got != "done" {
						t.Fatal(got)
					}
				}
				l := shares.Default
				if got, most := threads(t)-before, l.Open+l.User+l.UserSpare+20; got > most {
					t.Errorf("the gate has %d threads more, of which %d are its limits", got, most)
				}
				if got := r.order(0, 0, 0); got != "done" {
					t.Error(got)
				}
			})
		}
	}
}

func threads(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/task")
	check(t, err)
	return len(all)
}

// needSlow makes memory of a kind available, or skips.
func needSlow(t *testing.T, kind string) {
	t.Helper()
	if kind == "FUSE" {
		t.Setenv(holdEnv, slowFile(t))
		return
	}
	fd, err := openUserfaultfd()
	if err != nil {
		ssatest.Missing(t, "userfaultfd for faults of the kernel (root, or the sysctl vm.unprivileged_userfaultfd): "+err.Error())
	}
	unix.Close(fd)
	t.Setenv(holdEnv, strings.ToLower(kind))
}
