package registry_test

import (
	"testing"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

func TestListeners(t *testing.T) {
	r := registry.New(registry.Config{})
	serves := "old"
	serving := func() []registry.ServedCertificate {
		return []registry.ServedCertificate{{Identity: "www", Subject: serves}}
	}
	ended := r.Listen(registry.ProgramInfo{PID: 7, UID: 1000, Exe: "/usr/bin/a"}, serving)
	r.Listen(registry.ProgramInfo{PID: 8, UID: 1001, Exe: "/usr/bin/b"}, serving)
	look := func(v registry.Viewer) []registry.ListenerInfo {
		return r.Snapshot(v,
			registry.Query{}).Listeners
	}
	if all := look(registry.Viewer{All: true}); len(all) != 2 || all[0].Program.PID != 7 ||
		all[0].Serves[0].Subject != "old" {
		t.Errorf("%+v", all)
	}
	serves = "new"
	if own := look(registry.Viewer{UID: 1000}); len(own) != 1 || own[0].Program.Exe != "/usr/bin/a" ||
		own[0].Serves[0].Subject != "new" {
		t.Errorf("%+v", own)
	}
	ended()
	if own := look(registry.Viewer{UID: 1000}); len(own) != 0 {
		t.Errorf("after its end: %+v", own)
	}
}
