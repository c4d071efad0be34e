//go:build !linux

package relay

import "syscall"

// poller is not there: nothing parks.
type poller struct{}

func newPoller(func(place uint32)) *poller       { return nil }
func (*poller) close()                           {}
func (*poller) add(syscall.RawConn, uint32) bool { return false }
func (*poller) remove(syscall.RawConn)           {}
