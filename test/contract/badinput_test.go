//go:build linux

package contract

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// wrongSizes sets every option to values of sizes it cannot have, and from
// memory that is not there, and reads it into such; then the socket still works.
const wrongSizes = `
junk = ctypes.create_string_buffer(b"\1" * 70000)


def call(f, option, value, size):
    return errno.errorcode[ctypes.get_errno()] if f(s.fileno(), 205, option, value, size) < 0 else 0


for word in args:
    option = int(word)
    s = tls()
    sizes = [call(libc.setsockopt, option, junk, n) for n in (0, 1, 3, 5, 7, 9, 65536, 0x7fffffff, 0xffffffff)]
    say("set", option, *sizes)
    say("set wild", option, *[call(libc.setsockopt, option, ctypes.c_void_p(at), n) for at in (0, 8, 2**47 - 4) for n in (4, 8)])
    for n in (0, 1, 0x7fffffff, 0x80000000, 0xffffffff):
        size = ctypes.c_uint32(n)
        say("get", option, n, call(libc.getsockopt, option, ctypes.c_void_p(8), ctypes.byref(size)))
    say("get wild", option, call(libc.getsockopt, option, junk, ctypes.c_void_p(8)))
    say("still", hex(number(s, VERSION_MAX)), put(s, NAME, "a.example"), text(s, NAME))
    s.close()
`

// TestWrongSizes: nothing that a program can pass for a value does more than
// fail, for every option there is.
func TestWrongSizes(t *testing.T) {
	var numbers []any
	for _, o := range abi.Options {
		numbers = append(numbers, uint32(o.Option))
	}
	got := python(t, "", wrongSizes, numbers...).Finish()
	find := func(what string, o abi.OptionInfo) []string {
		prefix := fmt.Sprintf("%s %d ", what, o.Option)
		return strings.Fields(strings.TrimPrefix(lineWith(t, got, prefix), prefix))
	}
	for _, o := range abi.Options {
		wild := find("set wild", o)
		switch sizes := find("set", o); {
		case o.Set == abi.Never:
			wantAll(t, o.Name, append(sizes[:8], wild...), "ENOPROTOOPT")
			wantAll(t, o.Name, sizes[8:], "EINVAL") // as Linux says of a negative size
		case o.Kind == abi.Int: // 0x01010101 with any length of at least 4 is no value
			wantAll(t, o.Name, sizes[:3], "EINVAL")
			wantAll(t, o.Name, sizes[3:], "EINVAL", "EPERM")
			wantAll(t, o.Name+" from nowhere", wild, "EFAULT", "EINVAL")
		case o.Kind == abi.Uint64:
			wantAll(t, o.Name, sizes, "EINVAL")
			wantAll(t, o.Name+" from nowhere", wild, "EFAULT", "EINVAL")
		case o.Option == abi.ALPN: // any short bytes but NUL are a protocol
			wantAll(t, o.Name, sizes[6:], "EINVAL")
			wantAll(t, o.Name+" from nowhere", wild, "EFAULT")
		case o.Kind == abi.PEMOrPath: // the path \1\1\1
			wantAll(t, o.Name, sizes, "EINVAL", "ENOENT", "ENAMETOOLONG")
			wantAll(t, o.Name+" from nowhere", wild, "EFAULT")
		default:
			wantAll(t, o.Name, sizes, "EINVAL")
			wantAll(t, o.Name+" from nowhere", wild, "EFAULT")
		}
		for _, n := range []string{"0", "1", "2147483647", "2147483648", "4294967295"} {
			wantAll(t, o.Name+" read into nowhere", find("get", o)[1:], "EFAULT", "ERANGE", "EINVAL",
				"ENOPROTOOPT", "ENOTCONN")
			wantAll(t, o.Name+" read into nowhere",
				strings.Fields(lineWith(t, got, fmt.Sprintf("get %d %s ", o.Option, n)))[3:],
				"EFAULT", "ERANGE", "EINVAL", "ENOPROTOOPT", "ENOTCONN")
		}
		wantAll(t, o.Name+" with no length", find("get wild", o), "EFAULT", "ENOPROTOOPT", "ENOTCONN")
	}
	if n := len(slices.DeleteFunc(slices.Clone(got),
		func(line string) bool { return line != "still 0x304 0 a.example" })); n != len(abi.Options) {
		t.Errorf("after that %d of %d sockets still work", n, len(abi.Options))
	}
	wantLines(t, got, "exit status 0")
}

func wantAll(t *testing.T, what string, got []string, allowed ...string) {
	t.Helper()
	for i, g := range got {
		if !slices.Contains(allowed, g) {
			t.Errorf("%s: value %d gives %s, wanted %s", what, i, g, strings.Join(allowed, " or "))
		}
	}
}

// TestBadPaths: a path fails as open(2) does, and what is no file never hangs.
func TestBadPaths(t *testing.T) {
	dir := t.TempDir()
	fifo, empty, secret := filepath.Join(dir, "fifo"), filepath.Join(dir, "empty"), unreadable(t)
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	key := ssatest.NewAuthority(t).Issue(t, ssatest.Leaf{}).KeyFile(t)
	paths := map[string]string{
		"/no/such/file": "ENOENT", dir: "EINVAL EISDIR", fifo: "EINVAL", empty: "EINVAL",
		"/dev/zero": "EINVAL", "/dev/tty": "EINVAL ENXIO",
		"/" + strings.Repeat("a", 300): "ENAMETOOLONG", "/" + strings.Repeat("a/", 4000): "ENAMETOOLONG",
		empty + "/below": "ENOTDIR", filepath.Join(dir, "loop"): "ELOOP",
		"/proc/self/mem": "EINVAL EACCES", key: "EINVAL",
	}
	if os.Getuid() != 0 { // who may read every file
		paths[secret] = "EACCES"
	}
	var args []any
	for path := range paths {
		args = append(args, path)
	}
	got := python(t, "", `
for path in args:
    s = tls()
    for option in ROOTS, CHAIN, KEY:
        say(option, path, put(s, option, path))
`, args...).Finish()
	for path, want := range paths {
		for _, option := range []int{87, 88, 89} {
			prefix := fmt.Sprintf("%d %s ", option, path)
			line := strings.TrimPrefix(lineWith(t, got, prefix), prefix)
			if !slices.Contains(strings.Fields(want), line) {
				t.Errorf("option %d, %.60s: %s, wanted %s", option, path, line, want)
			}
		}
	}
}

// TestOptionMoments: every option has its moment, on connected and on
// listening sockets.
func TestOptionMoments(t *testing.T) {
	world := newPair(t)
	l := world.network.Listen(t)
	var numbers []any
	for _, o := range abi.Options {
		numbers = append(numbers, uint32(o.Option))
	}
	chain, key := strings.TrimPrefix(world.server[0], "chain="),
		strings.TrimPrefix(world.server[1], "key=")
	p := python(t, world.policy, `
c, s, f = tls(), tls(), tls()
put(c, NAME, "a.example")
connect(c, args[0])
identify(s, args[1], args[2])
s.listen(1)
for option in map(int, args[3:]):
    say("connected", option, put(c, option, 1), attempt(c.getsockopt, 205, option, 1024).__class__.__name__)
    say("listening", option, put(s, option, 1))
    say("fresh", option, attempt(f.getsockopt, 205, option, 1024) == "ENOTCONN")
`, append([]any{l.Port(), chain, key}, numbers...)...)
	c := l.Accept()
	c.ExpectEnd().Close()
	got := p.Finish()
	for _, o := range abi.Options {
		connected, listening := "EISCONN", "EINVAL"
		if o.Set == abi.Never {
			connected, listening = "ENOPROTOOPT", "ENOPROTOOPT"
		}
		readable := "str" // an errno's name
		if o.Get != abi.Never {
			readable = "bytes"
		}
		if o.Option == abi.PeerCertificateChain {
			// may be longer than Python reads
			readable = lastWord(lineWith(t, got, fmt.Sprintf("connected %d ", o.Option)))
		}
		early := "False"
		if o.Get == abi.Connected {
			early = "True"
		}
		wantLines(t, got, fmt.Sprintf("connected %d %s %s", o.Option, connected, readable),
			fmt.Sprintf("listening %d %s", o.Option, listening),
			fmt.Sprintf("fresh %d %s", o.Option, early))
	}
}

func lastWord(line string) string {
	words := strings.Fields(line)
	return words[len(words)-1]
}
