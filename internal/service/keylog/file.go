package keylog

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// keyLog is one that is on.
type keyLog struct {
	owner   *Switch
	profile string
	by      uint32
	until   time.Time // by the clock on the wall
	timer   *time.Timer

	mu      sync.Mutex
	file    *os.File // nil when it is over
	written uint64   // lines
	bytes   int64
}

// check refuses what is no safe place for secrets of a user.
func check(duration time.Duration, file *os.File, user uint32) error {
	if duration <= 0 || duration > MaxTime {
		return fmt.Errorf("a key log can be on for at most %v, not for %v", MaxTime, duration)
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("looking at the file for the key log: %w", err)
	}
	switch {
	case !info.Mode().IsRegular():
		return errors.New("a key log goes to a regular file only: anything else may keep connections waiting")
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("the file for the key log has mode %04o: it must be its owner's alone (chmod 600)", info.Mode().Perm())
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return errors.New("the owner of the file for the key log is unknown")
	case st.Uid != user: // somebody may have put it there to read it
		return fmt.Errorf("the file for the key log belongs to user %d, and user %d asks: it must be new, or belong to who asks", st.Uid, user)
	case st.Nlink > 1:
		return errors.New("the file for the key log has a second name, where others may find it")
	}
	return nil
}

// Write writes one line of a connection. It never fails a handshake: a full
// disk ends the log, not the connection.
func (l *keyLog) Write(line []byte) (int, error) {
	if err := l.add(line); err != nil {
		l.owner.cfg.Log.Warn("the key log ended early: "+err.Error(), "profile", l.profile)
		l.owner.over(l)
	}
	return len(line), nil
}

// add adds a line. The first error is the last one: then there is no file.
func (l *keyLog) add(line []byte) (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.file == nil: // a connection that lasted longer than the log
		return nil
	case l.bytes+int64(len(line)) > maxBytes:
		err = fmt.Errorf("it has reached its limit of %d MiB", maxBytes>>20)
	default:
		_, err = l.file.Write(line)
	}
	if err != nil {
		l.closeLocked()
		return err
	}
	l.written++
	l.bytes += int64(len(line))
	return nil
}

// closeLocked ends the writing.
func (l *keyLog) closeLocked() {
	if l.file == nil {
		return
	}
	if err := l.file.Close(); err != nil {
		l.owner.cfg.Log.Warn("closing a key log", "profile", l.profile, "error", err)
	}
	l.file = nil
}

func (l *keyLog) end() (lines uint64) {
	if l.timer.Stop() {
		l.owner.timers.Done()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeLocked()
	return l.written
}
