package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestMisuse: who calls ssa wrongly is told what is wrong, and where to read on.
func TestMisuse(t *testing.T) {
	for _, c := range []struct{ line, want, hint string }{
		{"nonsense", `unknown command "nonsense"`, "`ssa --help`"},
		{"run", "ssa run needs a program to run", "`ssa run --help`"},
		{"run --nonsense -- true", "unknown flag: --nonsense", "`ssa run --help`"},
		{"run --engine nonsense -- true", "--engine is nonsense, and must be", ""},
		{"run --wait -1s -- true", "--wait is -1s", ""},
		{"run --engine embedded --socket /nowhere -- true", "--socket is about the service", "leave one"},
		{"run --engine embedded --wait 1s -- true", "--wait is about the service", "leave one"},
		{"run --policy /nowhere --wait 1s -- true", "--wait is about the service", "leave one"},
		{"run --policy /nowhere --engine service -- true", "--policy does not go with --engine service", "ssa daemon"},
		{"explain", "ssa explain needs a program", "`ssa explain --help`"},
		{"probe", "ssa probe needs a peer", "`ssa probe --help`"},
		{"probe a:1 b:2", `not "b:2" too`, "`ssa probe --help`"},
		{"keylog", "ssa keylog needs a file", "--to"},
		{"keylog --off --to x", "--off ends a key log", "leave one"},
		{"status x", "is not a connection number", "ssa status"},
		{"status --watch --every -1s", "--every is -1s", ""},
		{"daemon x", `unknown command "x" for "ssa daemon"`, "`ssa daemon --help`"},
		{"daemon --grace -1s", "--grace is -1s", ""},
		{"daemon --expiry-warning -1h", "--expiry-warning is -1h", ""},
		{"daemon --log-format xml", "--log-format is xml", ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := execute(strings.Fields(c.line), &stdout, &stderr)
			said := stderr.String()
			if status != statusUsage || stdout.Len() > 0 || !strings.HasPrefix(said, "ssa: error: ") ||
				!strings.Contains(said, c.want) {
				t.Errorf("status %d, standard output %q, and said\n%swanted %d and %q", status, stdout.String(), said, statusUsage, c.want)
			}
			if _, hint, found := strings.Cut(said, "\nssa: hint: "); found != (c.hint != "") ||
				!strings.Contains(hint, c.hint) {
				t.Errorf("said\n%swanted the hint %q", said, c.hint)
			}
		})
	}
}
