// Command ssa gives programs TLS as a service of the operating system: see
// `ssa run --help`.
package main

import (
	"os"
	"runtime"
)

func init() {
	// `ssa run` gives a thread away to a seccomp filter. The main thread must
	// not be that one, since it cannot end: the main goroutine keeps it, and does
	// nothing else, since a goroutine that is bound to a thread is slow to wake.
	runtime.LockOSThread()
}

func main() {
	status := make(chan int)
	go func() { status <- execute(os.Args[1:], os.Stdout, os.Stderr) }()
	os.Exit(<-status)
}
