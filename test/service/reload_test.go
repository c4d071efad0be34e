//go:build linux

package service

import (
	"fmt"
	"strings"
	"testing"
)

// TestReloadTells: who asks for a reload learns how it went.
func TestReloadTells(t *testing.T) {
	w := newWorld(t)
	s := w.service(t)
	pid := fmt.Sprint(s.Cmd.Process.Pid)
	for _, tc := range []struct {
		text   string
		status int
		words  string
	}{
		{"default: {versions: {min: \"1.3\"}}\n", 0, ""},
		{"default: {versions: {min: nonsense}}\n", 1, w.policy + ":1:27"},
		{"default: {versions: {min: nonsense}}\n", 1, w.policy + ":1:27"}, // also when nothing has changed
		{"default: {}\n", 0, ""},
	} {
		w.write(t, tc.text)
		_, errs, status := w.ssa(t, "reload", "--pid", pid)
		if status != tc.status || !strings.Contains(errs, tc.words) ||
			tc.status != 0 && !strings.Contains(errs, "the one before holds") {
			t.Errorf("reload of %s has status %d and says %s", tc.text, status, errs)
		}
	}
	if _, errs, status := w.ssa(t, "reload", "--pid", "0"); status == 0 ||
		!strings.Contains(errs, "--pid 0") {
		t.Errorf("no process: status %d, %s", status, errs)
	}
}
