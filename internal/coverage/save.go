//go:build ssacover

package coverage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/coverage"
	"time"
)

// dirEnv names the folder that counters are written to.
const dirEnv = "GOCOVERDIR"

// Save writes the counters of a process that ends by a signal or by execve(2),
// which the runtime does not notice.
func Save() {
	if dir := os.Getenv(dirEnv); dir != "" {
		_ = coverage.WriteCountersDir(dir) // where it may not write, it is not counted
	}
}

// File makes a file for the counters of another process of this program that may
// not make one. It has the name by which `go tool covdata` finds it: the hash in
// it is part of the header of the program's metadata.
func File() (*os.File, error) {
	const hashStart, hashEnd = 24, 40
	dir := os.Getenv(dirEnv)
	if dir == "" {
		return nil, errors.New("there is no " + dirEnv)
	}
	var meta bytes.Buffer
	if err := coverage.WriteMeta(&meta); err != nil {
		return nil, err
	}
	if meta.Len() < hashEnd {
		return nil, errors.New("the metadata of coverage have no header")
	}
	name := fmt.Sprintf("%s/covcounters.%x.%d.%d", dir, meta.Bytes()[hashStart:hashEnd], os.Getpid(),
		time.Now().UnixNano())
	return os.Create(name)
}

// SaveTo writes the counters into such a file.
func SaveTo(file *os.File) error {
	var counters bytes.Buffer
	if err := coverage.WriteCounters(&counters); err != nil {
		return err
	}
	_, err := file.WriteAt(counters.Bytes(), 0)
	return err
}
