//go:build linux

package languages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// language is a row of docs/languages.md. In the command lines, {host},
// {port}, {path}, {chain} and {key} are what the test says, and [file] is a
// file of examples, compiled when it has to be.
type language struct {
	name   string
	needs  []string
	client string
	server string // without one, the client alone is tested
	// greets is what the server answers.
	greets string
}

var table = []language{
	{
		name: "C", needs: []string{"cc"}, greets: "Hello from a TLS server without a TLS library.",
		client: "[client.c] {host} {port} {path}",
		server: "[server.c] 127.0.0.1 0 {chain} {key}",
	},
	{name: "C, AF_HOSTNAME", needs: []string{"cc"}, client: "[client-hostname.c] {host} {port} {path}"},
	{
		name: "C++", needs: []string{"c++"}, greets: "Hello from C++.",
		client: "[languages/cpp/client.cpp] {host} {port} {path}",
		server: "[languages/cpp/server.cpp] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "Go", greets: "Hello from Go.",
		client: "[languages/go/client] {host} {port} {path}",
		server: "[languages/go/server] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "Java", needs: []string{"java", "javac", "perl"}, greets: "Hello from Java.",
		client: "[languages/with-socket] connect {host} {port} [languages/java/inherit] [languages/java/Client.java] {host} {path}",
		server: "[languages/with-socket] listen 127.0.0.1 0 {chain} {key} [languages/java/inherit] [languages/java/Server.java]",
	},
	{
		name: "Node", needs: []string{"node", "perl"}, greets: "Hello from Node.",
		client: "[languages/with-socket] connect {host} {port} node [languages/node/client.js] {host} {path}",
		server: "[languages/with-socket] listen 127.0.0.1 0 {chain} {key} node [languages/node/server.js]",
	},
	{
		name: "Perl", needs: []string{"perl"}, greets: "Hello from Perl.",
		client: "perl [languages/perl/client.pl] {host} {port} {path}",
		server: "perl [languages/perl/server.pl] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "PHP", needs: []string{"php"}, greets: "Hello from PHP.",
		client: "php [languages/php/client.php] {host} {port} {path}",
		server: "php [languages/php/server.php] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "Python", needs: []string{"python3"}, greets: "Hello from Python.",
		client: "python3 [client.py] {host} {port} {path}",
		server: "python3 [languages/python/server.py] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "Python, asyncio", needs: []string{"python3"}, greets: "Hello from asyncio.",
		client: "python3 [languages/python/asyncio_client.py] {host} {port} {path}",
		server: "python3 [languages/python/asyncio_server.py] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "Python, selectors", needs: []string{"python3"}, greets: "Hello from Python's selectors.",
		client: "python3 [languages/python/selectors_client.py] {host} {port} {path}",
		server: "python3 [languages/python/selectors_server.py] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "Ruby", needs: []string{"ruby"}, greets: "Hello from Ruby.",
		client: "ruby [languages/ruby/client.rb] {host} {port} {path}",
		server: "ruby [languages/ruby/server.rb] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "Rust", needs: []string{"rustc"}, greets: "Hello from Rust.",
		client: "[languages/rust/client.rs] {host} {port} {path}",
		server: "[languages/rust/server.rs] 127.0.0.1 0 {chain} {key}",
	},
	{
		name: "shell", needs: []string{"sh", "cat", "perl"}, greets: "Hello from a shell.",
		client: "[languages/with-socket] connect {host} {port} sh [languages/shell/client.sh] {host} {path}",
		server: "[languages/with-socket] accept 127.0.0.1 0 {chain} {key} sh [languages/shell/server.sh]",
	},
}

// command fills in a command line of the table.
func (l language) command(t testing.TB, line string, values map[string]string) []string {
	t.Helper()
	if !ssatest.Ordinary() {
		ssatest.Need(t, l.needs...)
	} else {
		// What is compiled has been compiled, by a compiler that this user may not see.
		ssatest.Need(t, interpreters(l.needs)...)
	}
	var args []string
	for word := range strings.FieldsSeq(line) {
		switch {
		case strings.HasPrefix(word, "["):
			word = example(t, strings.Trim(word, "[]"))
		case strings.HasPrefix(word, "{"):
			value, ok := values[strings.Trim(word, "{}")]
			if !ok {
				t.Fatalf("%s: the command line needs %s", l.name, word)
			}
			word = value
		}
		args = append(args, word)
	}
	return args
}

func interpreters(tools []string) []string {
	var left []string
	for _, tool := range tools {
		switch tool {
		case "cc", "c++", "rustc", "javac":
		default:
			left = append(left, tool)
		}
	}
	return left
}

// example returns a program of examples: compiled, or copied to where every
// user may read it.
func example(t testing.TB, name string) string {
	t.Helper()
	if filepath.Ext(name) == "" && strings.HasPrefix(name, "languages/go/") {
		return ssatest.Artifact(t, artifact(name), func(out string) error {
			return run(exec.Command("go", "build", "-buildvcs=false", "-o", out, "../../examples/"+name))
		})
	}
	source := filepath.Join("../../examples", name)
	return ssatest.Artifact(t, artifact(name), func(out string) error {
		switch filepath.Ext(name) {
		case ".c":
			return run(exec.Command("cc", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror",
				"-I../../include", "-o", out, source))
		case ".cpp":
			return run(exec.Command("c++", "-std=c++11", "-pthread", "-Wall", "-Wextra", "-pedantic",
				"-Werror", "-I../../include", "-o", out, source))
		case ".rs":
			return run(exec.Command("rustc", "--edition", "2021", "-D", "warnings", "-o", out, source))
		}
		text, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		return os.WriteFile(out, text, 0o755)
	})
}

// artifact is a file name for a program: Java wants to see .java.
func artifact(name string) string { return strings.ReplaceAll(name, "/", "-") }

func run(cmd *exec.Cmd) error {
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
	}
	return nil
}
