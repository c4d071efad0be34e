package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/secure-socket-api/ssa/internal/trust/transparency"
)

// logsAge is how old a log list may be before there is a warning: browsers stop
// to rely on one after this time.
const logsAge = 70 * 24 * time.Hour

// logLists holds the log lists that were read, so that each is read once.
type logLists map[string]*transparency.List

// logList reads the log list of an effective value that requires one. It is
// read when the policy is: an unusable one is found then, not by a program.
func (l *loader) logList(e *Effective) {
	if !e.Transparency || l.outline {
		return
	}
	path := e.TransparencyLogs
	if l.logs == nil {
		l.logs = logLists{}
	}
	list, known := l.logs[path]
	if !known {
		var err error
		if list, err = l.readLogs(path); err != nil {
			l.report(e.firstOrigin("trust.transparency_logs", "trust.transparency"),
				"trust.transparency_logs: "+err.Error())
		} else if age := l.now().Sub(list.At()); age > logsAge {
			l.warnings = append(l.warnings,
				Problem{e.firstOrigin("trust.transparency_logs", "trust.transparency"),
					fmt.Sprintf("%s is %d days old: logs may have been closed since; get a new one", path, int(age.Hours()/24))})
		}
		l.warnOfWriters(e.firstOrigin("trust.transparency_logs", "trust.transparency"),
			"trust.transparency_logs", path)
		l.logs[path] = list
	}
	e.Logs = list
}

func (l *loader) readLogs(path string) (*transparency.List, error) {
	data, err := readRegular(l.files, strings.TrimPrefix(path, "/"), transparency.MaxList+1)
	if err != nil {
		return nil, fileError(path, err)
	}
	list, err := transparency.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}
