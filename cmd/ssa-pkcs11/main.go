//go:build cgo

// Command ssa-pkcs11 signs with keys on tokens, for ssa, which starts it. It
// loads the PKCS #11 modules, C libraries, so that the process that has the
// connections need not, and reads the PINs. It opens no key that its owner has
// not named, and no key leaves its token.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/harden"
	"github.com/secure-socket-api/ssa/internal/identity/pkcs11"
	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/serve"
	"github.com/secure-socket-api/ssa/internal/identity/pkcs11/wire"
)

// Exit statuses.
const (
	statusFailed = 1
	statusUsage  = 2
	statusStuck  = 3
)

// lastCall is how long what is in hand may take once the owner is gone.
const lastCall = time.Second

func main() {
	number, user, err := arguments(os.Args[1:])
	if err != nil {
		quit(statusUsage, err)
	}
	if err := protect(); err != nil {
		quit(statusFailed, err)
	}
	// It ends when its owner does, not with what a terminal or a stop of all
	// of a service's processes sends: connections may still need their keys.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	cfg := serve.Config{
		Number: number,
		Keys: newKeys(func(what string) {
			quit(statusStuck,
				fmt.Errorf("the module does not return from %s", what))
		}),
		Ended: func() { time.AfterFunc(lastCall, func() { os.Exit(0) }) },
	}
	if cfg.Owner, err = wire.NewConn(os.NewFile(pkcs11.OwnerFD, "of the owner")); err != nil {
		quit(statusUsage, fmt.Errorf("this program is started by ssa: %w", err))
	}
	if user {
		if cfg.User, err = wire.NewConn(os.NewFile(pkcs11.UserFD, "of the user")); err != nil {
			quit(statusUsage, err)
		}
	}
	_ = serve.Run(cfg) // how the owner went does not matter
}

func arguments(args []string) (number uint32, user bool, err error) {
	if len(args) == 2 && args[1] == pkcs11.UserFlag {
		user, args = true, args[:1]
	}
	if len(args) == 1 {
		if n, err := strconv.ParseUint(args[0], 10, 32); err == nil {
			return uint32(n), user, nil
		}
	}
	return 0, false, fmt.Errorf("this program is started by ssa, for keys on tokens; it is of no use alone")
}

// protect keeps PINs, and what a token in software has in memory, from other
// processes of the same user, out of core files and out of what is swapped.
func protect() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid other processes to look into this one: %w", err)
	}
	_ = harden.LockMemory() // as far as the limits allow: the service says so of its own
	return nil
}

func quit(status int, err error) {
	fmt.Fprintf(os.Stderr, "ssa-pkcs11: error: %v\n", err)
	os.Exit(status)
}
