//go:build !linux

package relay

import (
	"errors"
	"syscall"
)

// errAgain is never met here.
var errAgain = errors.New("not now")

// rawConn returns nil: elsewhere than on Linux streams are used by their own
// methods alone, and nothing below is called. Such a relay moves bytes; it has
// no Guard and cannot tell a program that has gone from one that only writes
// no more.
func rawConn(Stream) syscall.RawConn { return nil }

func readFD(uintptr, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func writeFD(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }
func unreadFD(uintptr) int                 { return 0 }
func untakenFD(uintptr) int                { return 0 }
func unsentFD(uintptr) int                 { return 0 }
func writerDoneFD(uintptr) bool            { return false }
func hungUpFD(uintptr) bool                { return false }
func shutdownReadFD(uintptr)               {}
func resetOnCloseFD(uintptr)               {}
func urgentInlineFD(uintptr)               {}
func writableFD(uintptr) bool              { return true }
