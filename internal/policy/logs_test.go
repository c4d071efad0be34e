package policy

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

func TestLogLists(t *testing.T) {
	now := time.Now()
	log := ssatest.NewLog(t, "a", "A")
	files := fstest.MapFS{
		"etc/ssa/log_list.json": {Data: ssatest.LogList(t, now, log)},
		"etc/ssa/old.json":      {Data: ssatest.LogList(t, now.Add(-71*24*time.Hour), log)},
		"etc/ssa/bad.json":      {Data: []byte("{}")},
	}
	for _, test := range []struct {
		name, text    string
		err, warnings string
	}{
		{name: "not required", text: "default: {trust: {transparency_logs: none.json}}"},
		{name: "the usual place", text: "default: {trust: {transparency: require}}"},
		{name: "not there", text: "default: {trust: {transparency: require, transparency_logs: none.json}}",
			err: "/etc/ssa/policy.yaml:1:61: trust.transparency_logs: /etc/ssa/none.json: file does not exist"},
		{name: "not there, for a profile", text: "default: {trust: {transparency_logs: none.json}}\nprofiles: [{name: p, match: {user: 1}, trust: {transparency: require}}]",
			err: "/etc/ssa/policy.yaml:1:38: trust.transparency_logs: /etc/ssa/none.json: file does not exist"},
		{name: "unusable", text: "default: {trust: {transparency: require, transparency_logs: bad.json}}",
			err: "/etc/ssa/policy.yaml:1:61: trust.transparency_logs: /etc/ssa/bad.json: it names no log"},
		{name: "a folder", text: "default: {trust: {transparency: require, transparency_logs: /etc}}", err: "not a regular file"},
		{name: "old", text: "default: {trust: {transparency: require, transparency_logs: old.json}}",
			warnings: "[/etc/ssa/policy.yaml:1:61: /etc/ssa/old.json is 71 days old: logs may have been closed since; get a new one]"},
	} {
		l := testLoader(files)
		l.now = func() time.Time { return now }
		l.decode("/etc/ssa/policy.yaml", []byte(test.text))
		p, err := l.finish()
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) ||
				strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("%s: error %v, want %s", test.name, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if required := p.Default().Transparency; required != (p.Default().Logs != nil) {
			t.Errorf("%s: required %v, with the list %v", test.name, required, p.Default().Logs)
		}
		if got := fmt.Sprint(p.Warnings()); test.warnings != "" && got != test.warnings {
			t.Errorf("%s: warnings %s, want %s", test.name, got, test.warnings)
		}
	}
}

// Profiles with the same list share it.
func TestLogListsAreReadOnce(t *testing.T) {
	l := testLoader(fstest.MapFS{"etc/ssa/log_list.json": {Data: ssatest.LogList(t, time.Now(),
		ssatest.NewLog(t, "a", "A"))}})
	l.decode("/etc/ssa/policy.yaml", []byte("default: {trust: {transparency: require}}\nprofiles: [{name: p, match: {user: 1}}]"))
	p, err := l.finish()
	if err != nil {
		t.Fatal(err)
	}
	if other := p.For(subject.Program{Exe: "/x", UID: 1}); other.Profile != "p" ||
		other.Logs != p.Default().Logs {
		t.Errorf("profile %s has another list than the default", other.Profile)
	}
}
