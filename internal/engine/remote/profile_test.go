package remote_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/program"
	"github.com/secure-socket-api/ssa/internal/service"
	"github.com/secure-socket-api/ssa/internal/socket"
)

// TestProfile: the service says which profile a program has, whatever the one
// who asks would find.
func TestProfile(t *testing.T) {
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := newRigWith(t, service.Config{}, fmt.Sprintf("profiles: [{name: test, match: {exe: %q, user: %d}, plain_tcp: deny}]", exe, os.Getuid()))
	if got := r.policy.For(subject.Program{Exe: exe,
		UID: uint32(os.Getuid())}).Profile; got != "default" || !socket.JudgesPlainTCP(r.policy) {
		t.Errorf("by itself the policy that the service passes on gives profile %s", got)
	}
	own, err := program.ExecutableOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ exe, file, want string }{
		{own.Path, string(own.File), "test"},
		{"/in/a/container", string(own.File), "test"},
		{own.Path, "", "test"},
		{"", "", "test"},
		{own.Path, "0:0", ""},
		{"/bin/other", "", ""},
	} {
		got, err := r.engine.Profile(t.Context(), engine.ProgramClaim{Process: r.self, Exe: tc.exe,
			File: tc.file})
		var refused *engine.Error
		if got != tc.want ||
			(tc.want == "") != (errors.As(err, &refused) && refused.Reason == engine.Refused) {
			t.Errorf("%q, %q: profile %q, %v; want %q", tc.exe, tc.file, got, err, tc.want)
		}
	}
}
