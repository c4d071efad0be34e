package target

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// PendingSignals reports whether signals wait that a thread does not block:
// its own, and those of its whole process; and whether it is the process's
// first thread. A thread that cannot be looked at has none.
func PendingSignals(thread int) (own, shared, first bool) {
	s, ok := readSignals(thread)
	return ok && s.own&^s.blocked != 0, ok && s.shared&^s.blocked != 0, s.process == thread
}

// FirstThreadTakes reports whether the first thread of a thread's process is
// there to handle a signal that waits for the process.
func FirstThreadTakes(thread int) bool {
	s, ok := readSignals(thread)
	if !ok {
		return true
	}
	leader, ok := readSignals(s.process)
	return ok && !leader.ended && s.shared&^leader.blocked != 0
}

type signals struct {
	process              int
	ended                bool
	own, shared, blocked uint64 // signal n is bit n-1
}

func readSignals(thread int) (signals, bool) {
	data, err := sys.ReadProc("/proc/"+strconv.Itoa(thread)+"/status", maxStatus)
	if err != nil {
		return signals{}, false
	}
	return parseSignals(data)
}

// parseSignals reads the lines of /proc/PID/status about signals, proc(5).
func parseSignals(data []byte) (s signals, ok bool) {
	seen := 0
	for line := range bytes.Lines(data) {
		key, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimSpace(value)
		var err error
		switch key {
		case "Tgid":
			s.process, err = strconv.Atoi(value)
		case "State":
			s.ended = strings.HasPrefix(value, "Z") || strings.HasPrefix(value, "X")
		case "SigPnd":
			s.own, err = strconv.ParseUint(value, 16, 64)
		case "ShdPnd":
			s.shared, err = strconv.ParseUint(value, 16, 64)
		case "SigBlk":
			s.blocked, err = strconv.ParseUint(value, 16, 64)
		default:
			continue
		}
		if err != nil {
			return signals{}, false
		}
		seen++
	}
	return s, seen == 5
}
