package main

import (
	"slices"
	"testing"
)

// Variables that name the process which a service manager has started name the
// program; what names another process, or looks like such a variable, stays.
func TestRenameProcess(t *testing.T) {
	env := []string{"A=7", "LISTEN_PID=7", "LISTEN_FDS=1", "WATCHDOG_PID=7", "SYSTEMD_EXEC_PID=6",
		"LISTEN_PIDFDID=99", "MY_LISTEN_PID=7"}
	want := []string{"A=7", "LISTEN_PID=8", "LISTEN_FDS=1", "WATCHDOG_PID=8", "SYSTEMD_EXEC_PID=6",
		"MY_LISTEN_PID=7"}
	if got := renameProcess(env, 7, 8); !slices.Equal(got, want) {
		t.Errorf("renameProcess = %q, want %q", got, want)
	}
	if got := renameProcess(env, 5, 8); !slices.Equal(got, env) {
		t.Errorf("renameProcess of another's variables = %q", got)
	}
	for pid, names := range map[int]bool{6: true, 7: true, 99: false, 1: false} {
		if got := namesProcess(env, pid); got != names {
			t.Errorf("namesProcess(%d) = %v", pid, got)
		}
	}
}
