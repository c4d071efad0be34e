//go:build !linux

package relay

import "syscall"

// poller does not exist here: nothing is ever idle.
type poller struct{}

func newPoller(func(key uint32)) *poller         { return nil }
func (*poller) close()                           {}
func (*poller) add(syscall.RawConn, uint32) bool { return false }
func (*poller) remove(syscall.RawConn)           {}
