package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// completed returns what a shell would be told to offer for the last word, and
// the directive, as the scripts of `ssa completion` ask for it.
func completed(t *testing.T, line ...string) ([]string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	if status := execute(append([]string{cobra.ShellCompNoDescRequestCmd}, line...), &out,
		&errs); status != 0 {
		t.Fatalf("%q: status %d: %s", line, status, errs.String())
	}
	offers := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	return offers[:len(offers)-1], offers[len(offers)-1]
}

func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"talk": 0o755, "talkative": 0o755,
		"talks.txt": 0o644, "other": 0o755} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+filepath.Join(dir, "none")+":"+dir)
	const filesToo, noFiles, byEnding = ":0", ":4", ":8"
	for _, test := range []struct {
		line      string // the last word is completed
		want      string
		directive string
	}{
		{"run ta", "talk talkative", filesToo},
		{"run -v -- ta", "talk talkative", filesToo},
		{"run -- ./ta", "", filesToo},
		{"run -- talk ta", "", filesToo},
		{"explain -- oth", "other", filesToo},
		{"run --engine ", "auto service embedded", noFiles},
		{"run --policy ", "yaml yml", byEnding},
		{"check ", "yaml yml", byEnding},
		{"probe --program o", "other", filesToo},
		{"explain --user roo", "root", noFiles},
		{"doctor ", "", noFiles},
		{"completion f", "fish", noFiles},
	} {
		got, directive := completed(t, strings.Split(test.line, " ")...)
		if strings.Join(got, " ") != test.want || directive != test.directive {
			t.Errorf("ssa %s: %q, %s; want %q, %s", test.line, got, directive, test.want, test.directive)
		}
	}
}
