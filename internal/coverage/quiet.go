//go:build ssacover

package coverage

import "os"

// speaker is standard error.
var speaker = os.Stderr

// The runtime says on standard error what it cannot write, before main begins and
// at the end: that would be part of what programs say, and is expected. This is
// before it, since imported packages come first; main lets others speak by Begin.
func init() { os.Stderr = nil }

// Begin gives standard error back.
func Begin() { os.Stderr = speaker }

// Exit ends the process, quietly.
func Exit(status int) {
	os.Stderr = nil
	os.Exit(status)
}
