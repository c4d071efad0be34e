package program

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// Status is what /proc/PID/status says of a thread's identity, proc(5).
type Status struct {
	Process      int // thread group id
	Parent       int
	UIDs, GIDs   [4]uint32 // real, effective, saved, file system
	Groups       []uint32
	Capabilities uint64 // effective set
}

// MaxStatus bounds what is read of a status: groups alone can be 65536.
const MaxStatus = 1 << 20

// ReadStatus reads the identity of a thread.
func ReadStatus(thread int) (Status, error) {
	data, err := sys.ReadProc("/proc/"+strconv.Itoa(thread)+"/status", MaxStatus)
	if err != nil {
		return Status{}, fmt.Errorf("reading the identity of thread %d: %w", thread, err)
	}
	return parseStatus(data)
}

func parseStatus(data []byte) (Status, error) {
	var s Status
	seen := 0
	for line := range bytes.Lines(data) {
		key, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		// most lines are of no interest here
		fields := func() []string { return strings.Fields(string(rest)) }
		var err error
		switch string(key) {
		case "Tgid":
			s.Process, err = oneInt(fields())
		case "PPid":
			s.Parent, err = oneInt(fields())
		case "Uid":
			err = four(&s.UIDs, fields())
		case "Gid":
			err = four(&s.GIDs, fields())
		case "Groups":
			for _, f := range fields() {
				var g uint64
				if g, err = strconv.ParseUint(f, 10, 32); err != nil {
					break
				}
				s.Groups = append(s.Groups, uint32(g))
			}
		case "CapEff":
			s.Capabilities, err = strconv.ParseUint(string(bytes.TrimSpace(rest)), 16, 64)
		default:
			continue
		}
		if err != nil {
			return Status{}, fmt.Errorf("reading %s in a process's status: %w", key, err)
		}
		seen++
	}
	if seen != 6 {
		return Status{}, fmt.Errorf("a process's status has %d of the 6 lines needed", seen)
	}
	return s, nil
}

func oneInt(fields []string) (int, error) {
	if len(fields) == 0 {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(fields[0])
}

func four(to *[4]uint32, fields []string) error {
	if len(fields) != 4 {
		return strconv.ErrSyntax
	}
	for i, f := range fields {
		n, err := strconv.ParseUint(f, 10, 32)
		if err != nil {
			return err
		}
		to[i] = uint32(n)
	}
	return nil
}
