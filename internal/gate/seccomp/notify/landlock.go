package notify

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// netABI is the version of Landlock that knows of TCP connections (Linux 6.7).
const netABI = 4

var errOldLandlock = errors.New("this kernel's Landlock knows nothing of TCP (Linux 6.7 and later)")

// denyTCP denies connect(2) of TCP sockets, to any port, to the calling thread
// and all that it starts, for good (landlock(7)). It fails where the kernel has
// no Landlock, or where a program that is confined already starts this one and
// no layer is left. The caller has locked the thread, which has no_new_privs or
// CAP_SYS_ADMIN.
func denyTCP() error {
	abi, err := sys.LandlockABI()
	if err != nil {
		return fmt.Errorf("asking for Landlock: %w", err)
	}
	if abi < netABI {
		return errOldLandlock
	}
	attr := sys.LandlockAttr{HandledNet: unix.LANDLOCK_ACCESS_NET_CONNECT_TCP}
	rules, err := sys.LandlockRuleset(attr)
	if err != nil {
		return err
	}
	defer rules.Close()
	return sys.LandlockRestrict(rules)
}
