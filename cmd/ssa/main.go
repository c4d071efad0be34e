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
	exit(<-status)
}

// What a process does at its end, and what a worker inherits beside the monitor's
// descriptors: builds that count coverage (coverage.go) set these, no others.
var (
	exit        = os.Exit
	beforeEnd   = func() {} // before an end by a signal or execve(2)
	workerFiles []*os.File
)
