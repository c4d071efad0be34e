package registry

import (
	"context"
	"log/slog"

	"github.com/secure-socket-api/ssa/internal/engine"
)

// log writes a line about a connection, with what identifies it.
func (e *Entry) log(level slog.Level, sentence string, more ...any) {
	log := e.registry.cfg.Log
	if !log.Enabled(context.Background(), level) {
		return
	}
	key := e.program.key
	about := []any{"id", e.id, "program", key.exe, "pid", e.pid, "uid", key.uid, "profile",
		key.profile}
	if e.peer.IsValid() {
		about = append(about, "peer", e.peer.String())
	}
	log.Log(context.Background(), level, sentence, append(about, more...)...)
}

func (e *Entry) logEstablished(facts *engine.Facts) {
	e.log(slog.LevelInfo, map[engine.Role]string{engine.Client: "connected",
		engine.Server: "accepted"}[e.role], "facts", facts)
}

func (e *Entry) logEnded(end engine.End) {
	if end.Err != nil {
		e.log(slog.LevelWarn, "ended: "+end.Err.Error(), "sent", end.Sent, "received", end.Received)
		return
	}
	e.log(slog.LevelInfo, "ended", "sent", end.Sent, "received", end.Received)
}

// logRefused tells of what was not even begun. Of what callers do wrong, the
// service tells itself, also when nothing is told of single connections.
func (r *Registry) logRefused(p ProgramInfo, f Refusal) {
	log := r.cfg.Log
	if f.What == Impersonation || f.What == BadMessage ||
		!log.Enabled(context.Background(), slog.LevelWarn) {
		return
	}
	about := []any{"program", p.Exe, "pid", p.PID, "uid", p.UID, "profile", p.Profile, "what", f.What}
	if f.Name != "" {
		about = append(about, "name", f.Name)
	}
	if f.Peer != "" {
		about = append(about, "peer", f.Peer)
	}
	log.Warn("refused: "+f.Sentence, about...)
}
