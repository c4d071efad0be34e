//go:build unix

package ssatest

import (
	"os"
	"syscall"
	"time"
)

// coverEnv is the folder where the coverage of all processes is collected, if it
// is. `go test` gives each of its own another folder, by GOCOVERDIR.
const coverEnv = "SSA_TEST_COVERDIR"

// init is before every test and every process that one starts.
func init() {
	if dir := os.Getenv(coverEnv); dir != "" {
		_ = os.Setenv("GOCOVERDIR", dir) // the name and the value are in order
	}
}

// coverageTime is how long a process may take for its end where its coverage is
// wanted.
const coverageTime = 5 * time.Second

// saveCoverage asks a process, or with -pid a process group, to end, before it is
// killed: a process that is killed cannot save what it has counted. Where nobody
// counts, it does nothing. The second signal ends the service's grace.
func saveCoverage(pid int, ended <-chan struct{}) {
	if os.Getenv(coverEnv) == "" {
		return
	}
	for range 2 {
		_ = syscall.Kill(pid, syscall.SIGTERM)
		select {
		case <-ended:
			return
		case <-time.After(coverageTime / 2):
		}
	}
}
