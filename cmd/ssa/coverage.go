//go:build ssacover

package main

import (
	"os"

	"github.com/secure-socket-api/ssa/internal/coverage"
	"github.com/secure-socket-api/ssa/internal/service/monitor"
)

// In builds of `make cover`, the monitor opens the file that the worker, which
// may open none, writes at its end.
func init() {
	coverage.Begin()
	exit, beforeEnd = coverage.Exit, coverage.Save
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case "daemon":
		if file, err := coverage.File(); err == nil {
			workerFiles = []*os.File{file}
		}
	case workerName:
		exit = func(status int) {
			// Without the file, as in a test's own environment, it is not counted.
			_ = coverage.SaveTo(os.NewFile(monitor.InheritedFD+1, "counters"))
			coverage.Exit(status)
		}
	}
}
