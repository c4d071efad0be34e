package target

import (
	"bytes"
	"strconv"

	"github.com/secure-socket-api/ssa/internal/program"
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
	data, err := sys.ReadProc("/proc/"+strconv.Itoa(thread)+"/status", program.MaxStatus)
	if err != nil {
		return signals{}, false
	}
	return parseSignals(data)
}

// parseSignals reads the lines of /proc/PID/status about signals, proc(5).
func parseSignals(data []byte) (s signals, ok bool) {
	seen := 0
	for line := range bytes.Lines(data) {
		key, rest, _ := bytes.Cut(line, []byte(":"))
		value := bytes.TrimSpace(rest) // most lines are of no interest here
		var err error
		switch string(key) {
		case "Tgid":
			s.process, err = strconv.Atoi(string(value))
		case "State":
			s.ended = bytes.HasPrefix(value, []byte("Z")) || bytes.HasPrefix(value, []byte("X"))
		case "SigPnd":
			s.own, err = strconv.ParseUint(string(value), 16, 64)
		case "ShdPnd":
			s.shared, err = strconv.ParseUint(string(value), 16, 64)
		case "SigBlk":
			s.blocked, err = strconv.ParseUint(string(value), 16, 64)
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
