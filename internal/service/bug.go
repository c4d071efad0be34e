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
			bug = refused("this is a bug of the service: %v", r)
			s.cfg.Log.Error(bug.Sentence, "stack", string(debug.Stack()))
		}
	}()
	f()
	return nil
}
