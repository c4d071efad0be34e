package main

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// completer completes one word.
type completer func(c *cobra.Command, args []string,
	word string) ([]cobra.Completion, cobra.ShellCompDirective)

// completions adds what a shell may complete beyond names of commands and
// flags. It goes by the names of flags, which mean the same everywhere.
func completions(root *cobra.Command) {
	flags := map[string]completer{
		"policy":               files("yaml", "yml"),
		"engine":               words(engineAuto, engineService, engineEmbedded),
		"user":                 users,
		"program":              programs,
		"to":                   anyFile,
		"audit":                anyFile,
		"log-format":           words(logAuto, logText, logJSON, logJournal),
		"socket":               files("sock"),
		"from-crypto-policies": anyFile,
		"alpn":                 words("h2", "http/1.1"),
	}
	arguments := map[string]completer{"run": programs, "explain": programs,
		"check": files("yaml", "yml"), "probe": words(), "daemon": words(), "doctor": words(),
		"status": words(), "keylog": words(), "dashboard": words()}
	for _, c := range root.Commands() {
		if complete := arguments[c.Name()]; complete != nil {
			c.ValidArgsFunction = complete
		}
		for name, complete := range flags {
			if c.Flags().Lookup(name) != nil {
				_ = c.RegisterFlagCompletionFunc(name, complete) // fails when it is done already
			}
		}
	}
}

// words completes one of a few words.
func words(list ...cobra.Completion) completer {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// files completes files with one of these endings, and folders.
func files(endings ...string) completer {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}

func anyFile(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// mostProgramsShown bounds what one word may complete to.
const mostProgramsShown = 2000

// programs completes the program to run, by the names in PATH; a path and the
// program's own arguments are files.
func programs(_ *cobra.Command, args []string,
	word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 || strings.Contains(word, "/") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var found []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(dir) // PATH may name folders that are not there
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), word) || len(found) >= mostProgramsShown {
				continue
			}
			if st, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && st.Mode().IsRegular() &&
				st.Mode()&0o111 != 0 {
				found = append(found, e.Name())
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), cobra.ShellCompDirectiveDefault
}

// users completes the users of /etc/passwd: those of a directory elsewhere
// would take too long to ask for.
func users(_ *cobra.Command, _ []string,
	word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	f, err := os.Open("/etc/passwd")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer f.Close()
	var found []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, _, ok := strings.Cut(lines.Text(), ":"); ok && strings.HasPrefix(name, word) {
			found = append(found, name)
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
