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

	"github.com/secure-socket-api/ssa/internal/policy/subject"
	"github.com/secure-socket-api/ssa/internal/sys/regular"
)

// identified is a program as the policy will see it once it runs.
type identified struct {
	subject.Program
	user, group string // names, or numbers without one
}

// identify says what the kernel will show of a program that a user starts with
// arguments. It starts nothing.
func identify(name string, args []string, as string) (*identified, error) {
	path, err := findProgram(name)
	if err != nil {
		return nil, err
	}
	id := &identified{}
	if id.Exe, id.Script, err = resolveScript(path, args); err != nil {
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
// env(1), which finds the interpreter in PATH. The script is what the gate
// takes for one: the first argument that is no option.
func resolveScript(path string, args []string) (exe, script string, err error) {
	at := path
	for range maxInterpreters {
		real, err := realPath(at)
		if err != nil {
			return "", "", fmt.Errorf("finding the program: %w", err)
		}
		interpreter, option := firstLine(real)
		if interpreter == "" {
			return real, scriptAmong(args), nil
		}
		args = append([]string{at}, args...)
		at = interpreter
		if words := envWords(option); filepath.Base(interpreter) == "env" && len(words) > 0 {
			args = append(words[1:], args...)
			if at, err = findProgram(words[0]); err != nil {
				return "", "", err
			}
		} else if option != "" {
			args = append([]string{option}, args...)
		}
	}
	return "", "", &problem{what: path + ": too many interpreters one after another", status: statusNotExecutable}
}

func realPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}

// scriptAmong returns the script that a program started with arguments
// interprets, "" if none.
func scriptAmong(args []string) string {
	for _, arg := range args {
		if arg == "" || arg[0] == '-' {
			continue
		}
		real, err := realPath(arg)
		if err != nil {
			return ""
		}
		if st, err := os.Stat(real); err != nil || !st.Mode().IsRegular() {
			return ""
		}
		return real
	}
	return ""
}

// firstLine returns what a #! line names, "" for what is no script.
func firstLine(path string) (interpreter, rest string) {
	const longest = 256 // of Linux, BINPRM_BUF_SIZE
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return "", ""
	}
	f, err := regular.Open(path)
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

// envWords returns the program that env(1) starts, and its arguments, from what
// a script's first line has for it.
func envWords(option string) []string {
	words := strings.Fields(option)
	for i, word := range words {
		if !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") {
			return words[i:]
		}
	}
	return nil
}

func (id *identified) setUser(name string) error {
	if name == "" {
		return id.setSelf()
	}
	account, err := user.Lookup(name)
	if err != nil {
		account, err = user.LookupId(name)
	}
	if err != nil {
		return &problem{what: fmt.Sprintf("there is no user %q", printable(name)),
			hint: "give a name or number of /etc/passwd", status: statusUsage}
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
	id.nameAccounts()
	return nil
}

// setSelf takes this process's own user and groups, which need have no accounts.
func (id *identified) setSelf() error {
	groups, err := os.Getgroups()
	if err != nil {
		return fmt.Errorf("finding the groups of user %d: %w", os.Geteuid(), err)
	}
	id.UID, id.GID = uint32(os.Geteuid()), uint32(os.Getegid())
	for _, group := range groups {
		id.Groups = append(id.Groups, uint32(group))
	}
	id.nameAccounts()
	return nil
}

// nameAccounts finds the names of user and group, where there are any.
func (id *identified) nameAccounts() {
	id.user, id.group = strconv.FormatUint(uint64(id.UID), 10), strconv.FormatUint(uint64(id.GID), 10)
	if account, err := user.LookupId(id.user); err == nil {
		id.user = account.Username
	}
	if group, err := user.LookupGroupId(id.group); err == nil {
		id.group = group.Name
	}
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
