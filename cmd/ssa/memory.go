package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// collectLater lets garbage grow to twice what is in use before it is collected,
// where the environment does not say otherwise: heaps are small here, and many
// handshakes fill them often. See docs/benchmarks/log.md.
func collectLater() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// returnMemory gives the kernel back what many handshakes have left behind.
// Each collection halves a stack that has become too large, at most.
func returnMemory() {
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
}
