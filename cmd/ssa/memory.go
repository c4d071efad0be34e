package main

import (
	"runtime"
	"runtime/debug"
)

// returnMemory gives the kernel back what many handshakes have left behind.
// Each collection halves a stack that has become too large, at most.
func returnMemory() {
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
}
