// Package keylog writes the secrets of connections to files that the
// administrator opened, for one profile and for a time, so that a recorded
// connection can be read while a fault is looked for. It opens no file, keeps
// no secret, and does nothing until it is switched on.
package keylog

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// Limits.
const (
	// MaxTime is the longest that a key log stays on.
	MaxTime = 24 * time.Hour
	maxLogs = 16
	// maxBytes bounds one file.
	maxBytes = 64 << 20
)

// Config is what a Switch needs.
type Config struct {
	// Log is told of every key log, at level warning. Nil discards that.
	Log *slog.Logger
	// Audit is told the same, as a word and a sentence, when not nil.
	Audit func(event, sentence string)
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// Switch has the key logs that are on. It is safe for concurrent use.
type Switch struct {
	cfg Config
	// any is how many logs are on, so that asking costs nothing when none is.
	any atomic.Int32
	// timers are those that run, and what they do when they are over.
	timers sync.WaitGroup

	mu   sync.Mutex
	logs map[string]*keyLog // by profile
}

// New makes a Switch with nothing switched on.
func New(cfg Config) *Switch {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Switch{cfg: cfg, logs: map[string]*keyLog{}}
}

// On writes the secrets of new connections of a profile to file from now on,
// and owns it. The caller has made sure that the user may have them; the file
// must be that user's. A log of the same profile that is on ends.
func (s *Switch) On(profile string, duration time.Duration, file *os.File, by uint32) error {
	log := &keyLog{owner: s, profile: profile, by: by,
		until: s.cfg.Now().Add(duration).Round(0), file: file}
	err := check(duration, file, by)
	if err == nil {
		_, err = fmt.Fprintf(file, "# secrets of connections of profile %s until %s\n", profile, log.until.UTC().Format(time.RFC3339))
	}
	var old *keyLog
	if err == nil {
		old, err = s.on(log, duration)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if old != nil {
		s.end(old)
	}
	s.tell("key-log-on", fmt.Sprintf("user %d switched on the key log of profile %s for %v: who has the file can read its connections", by, profile, duration), profile)
	return nil
}

// on puts a log in the place of the one before, which it returns.
func (s *Switch) on(log *keyLog, duration time.Duration) (old *keyLog, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old = s.logs[log.profile]; old == nil {
		if len(s.logs) >= maxLogs {
			return nil, fmt.Errorf("there are %d key logs already", maxLogs)
		}
		s.any.Add(1)
	}
	s.logs[log.profile] = log
	s.timers.Add(1)
	log.timer = time.AfterFunc(duration, func() {
		defer s.timers.Done()
		s.over(log)
	})
	return old, nil
}

// Off ends the key log of a profile, and reports whether there was one.
func (s *Switch) Off(profile string) bool {
	s.mu.Lock()
	log := s.logs[profile]
	s.mu.Unlock()
	return log != nil && s.over(log)
}

// Close ends all key logs.
func (s *Switch) Close() {
	s.mu.Lock()
	on := slices.Collect(maps.Keys(s.logs))
	s.mu.Unlock()
	for _, profile := range on {
		s.Off(profile)
	}
	s.timers.Wait()
}

// over ends a key log once.
func (s *Switch) over(log *keyLog) bool {
	s.mu.Lock()
	listed := s.logs[log.profile] == log
	if listed {
		delete(s.logs, log.profile)
		s.any.Add(-1)
	}
	s.mu.Unlock()
	if !listed {
		return false
	}
	s.end(log)
	return true
}

// end ends a key log that is not listed any more.
func (s *Switch) end(log *keyLog) {
	lines := log.end()
	s.tell("key-log-off", fmt.Sprintf("the key log of profile %s is over: %d lines were written", log.profile, lines), log.profile)
}

func (s *Switch) tell(event, sentence, profile string) {
	s.cfg.Log.Warn(sentence, "profile", profile)
	if s.cfg.Audit != nil {
		s.cfg.Audit(event, sentence)
	}
}

// Writer is for engine.Config.KeyLog.
func (s *Switch) Writer(profile string) io.Writer {
	if s.any.Load() == 0 {
		return nil
	}
	s.mu.Lock()
	log := s.logs[profile]
	s.mu.Unlock()
	switch {
	case log == nil:
		return nil
	case !s.cfg.Now().Before(log.until): // timers stand still while the machine sleeps
		s.over(log)
		return nil
	}
	return log
}

// List returns the key logs that are on.
func (s *Switch) List() []registry.KeyLog {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []registry.KeyLog
	for _, log := range s.logs {
		if !s.cfg.Now().Before(log.until) {
			continue
		}
		log.mu.Lock()
		list = append(list, registry.KeyLog{Profile: log.profile, Until: log.until.UTC(), By: log.by,
			Written: log.written})
		log.mu.Unlock()
	}
	return list
}
