package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/secure-socket-api/ssa/internal/policy"
)

// identified is a program as the policy will see it once it runs.
type identified struct {
	policy.Program
	user, group string // names, or numbers without one
}

// identify says what the kernel will show of a program that a user starts. It
// starts nothing.
func identify(name, as string) (*identified, error) {
	path, err := findProgram(name)
	if err != nil {
		return nil, err
	}
	id := &identified{}
	if id.Exe, id.Script, err = resolveScript(path); err != nil {
		return nil, err
	}
	if err := id.setUser(as); err != nil {
		return nil, err
	}
	id.Cgroup = ownCgroup()
	return id, nil
}

// maxInterpreters is how often an interpreter may itself be a script: Linux
// gives up then too (BINPRM_MAX_RECURSION).
const maxInterpreters = 5

// resolveScript follows the #! line of a script, as execve(2) does, and through
// env(1), which finds the interpreter in PATH.
func resolveScript(path string) (exe, script string, err error) {
	at := path
	for range maxInterpreters {
		real, err := filepath.EvalSymlinks(at)
		if err != nil {
			return "", "", fmt.Errorf("finding the program: %w", err)
		}
		if real, err = filepath.Abs(real); err != nil {
			return "", "", err
		}
		interpreter, args := firstLine(real)
		if interpreter == "" {
			return real, script, nil
		}
		if script == "" {
			script = real
		}
		if filepath.Base(interpreter) == "env" {
			if name := envProgram(args); name != "" {
				if interpreter, err = findProgram(name); err != nil {
					return "", "", err
				}
			}
		}
		at = interpreter
	}
	return "", "", &problem{what: path + ": too many interpreters one after another", status: statusNotExecutable}
}

// firstLine returns what a #! line names, "" for what is no script.
func firstLine(path string) (interpreter, rest string) {
	const longest = 256 // of Linux, BINPRM_BUF_SIZE
	f, err := os.Open(path)
	if err != nil {
		return "", "" // may be executable without being readable
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, longest)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", ""
	}
	text, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return "", ""
	}
	interpreter, rest, _ = strings.Cut(strings.Trim(strings.ReplaceAll(text, "\t", " "), " \r\n"), " ")
	return interpreter, strings.TrimSpace(rest)
}

// envProgram returns the program that env(1) starts with a script's arguments.
func envProgram(args string) string {
	for _, word := range strings.Fields(args) {
		if !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") {
			return word
		}
	}
	return ""
}

func (id *identified) setUser(name string) error {
	account, err := user.Current()
	if name != "" {
		if account, err = user.Lookup(name); err != nil {
			account, err = user.LookupId(name)
		}
	}
	if err != nil {
		return &problem{what: fmt.Sprintf("there is no user %q", printable(name)), hint: "give a name or number of /etc/passwd", status: statusUsage}
	}
	ids, err := account.GroupIds()
	if err != nil {
		return fmt.Errorf("finding the groups of %s: %w", account.Username, err)
	}
	if id.UID, err = number32(account.Uid); err != nil {
		return err
	}
	if id.GID, err = number32(account.Gid); err != nil {
		return err
	}
	for _, text := range ids {
		group, err := number32(text)
		if err != nil {
			return err
		}
		id.Groups = append(id.Groups, group)
	}
	id.user, id.group = account.Username, account.Gid
	if group, err := user.LookupGroupId(account.Gid); err == nil {
		id.group = group.Name
	}
	return nil
}

func number32(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
}

// ownCgroup is the cgroup that a program started from here will be in, as
// /proc/self/cgroup has it for the unified hierarchy.
func ownCgroup() string {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(path, "\n")
		}
	}
	return ""
}
