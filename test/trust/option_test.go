//go:build linux

package trust

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/ocsp"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// asker sets options, each as number=value, and connects.
const asker = `
import errno, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
s.setsockopt(205, 85, b"a.example")
for option in sys.argv[2:]:
    number, value = map(int, option.split("="))
    try:
        s.setsockopt(205, number, value)
    except OSError as e:
        print("option", number, errno.errorcode[e.errno])
try:
    s.connect(("127.0.0.1", int(sys.argv[1])))
    print("connected")
except OSError as e:
    print(errno.errorcode[e.errno], s.getsockopt(205, 100, 1024).rstrip(b"\0").decode())
s.close()
`

// TestProgramsAskForMore: a program may want to know more of revocations than
// the policy does, and never less.
func TestProgramsAskForMore(t *testing.T) {
	ssatest.Need(t, "python3")
	good, revoked := ssatest.OCSPAnswer{}, ssatest.OCSPAnswer{Status: ocsp.Revoked}
	for _, test := range []struct {
		name, level string
		staple      *ssatest.OCSPAnswer
		options     map[abi.Option]int
		want        []string
	}{
		{name: "nothing asked", level: "off", staple: &revoked, want: []string{"connected"}},
		{name: "asked, good", level: "off", staple: &good, options: map[abi.Option]int{abi.RevocationChecks: 1}, want: []string{"connected"}},
		{name: "asked, revoked", level: "off", staple: &revoked, options: map[abi.Option]int{abi.RevocationChecks: 1}, want: []string{"EPROTO", "was revoked on"}},
		{name: "asked, unknown", level: "off", options: map[abi.Option]int{abi.RevocationChecks: 1}, want: []string{"EPROTO", "not known whether"}},
		{name: "asked, but the staple must not answer", level: "off", staple: &good,
			options: map[abi.Option]int{abi.RevocationChecks: 1, abi.OCSPStapledChecks: 0},
			want:    []string{"EPROTO", "not known whether"}},
		{name: "less", level: "require", options: map[abi.Option]int{abi.RevocationChecks: 0},
			want: []string{fmt.Sprintf("option %d EPERM", abi.RevocationChecks)}},
		{name: "less ways", level: "prefer", staple: &revoked, options: map[abi.Option]int{abi.OCSPStapledChecks: 0},
			want: []string{fmt.Sprintf("option %d EPERM", abi.OCSPStapledChecks), "EPROTO",
				"was revoked on"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			config := stapled(test.level, test.staple)(w)
			l := (&peer.Network{Server: config}).Listen(t)
			args := []string{"-c", asker, fmt.Sprint(l.Port())}
			for option, value := range test.options {
				args = append(args, fmt.Sprintf("%d=%d", option, value))
			}
			p := programs.Start(t, ssatest.Run{Policy: w.policyFile(), Verbose: true}.Command(t,
				"python3", args...))
			if c, err := l.TryAccept(); err == nil {
				c.Close()
			}
			got := strings.Join(p.Finish(), "\n")
			for _, word := range test.want {
				if !strings.Contains(got, word) {
					t.Errorf("the program did not print %q but\n%s\n%s", word, got, p.Stderr())
				}
			}
		})
	}
}
