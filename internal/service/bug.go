package service

import (
	"runtime/debug"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// survive calls f. A panic in it is a bug of ours that must not end the
// connections of other programs: the result says what it was, and the caller
// ends what f was for. Otherwise the result is nil.
func (s *Service) survive(f func()) (bug *engine.Error) {
	defer func() {
		if r := recover(); r != nil {
			bug = s.note(r)
		}
	}()
	f()
	return nil
}

// bug is note, for engines.
func (s *Service) bug(recovered any) error { return s.note(recovered) }

// note logs a panic, and makes an error of it.
func (s *Service) note(recovered any) *engine.Error {
	bug := refused("this is a bug of the service: %v", recovered)
	s.cfg.Log.Error(bug.Sentence, "stack", string(debug.Stack()))
	return bug
}
