package socket

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/engine"
	"github.com/secure-socket-api/ssa/internal/policy"
	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// TestDenied: whoever watches is told of each thing that the policy refuses
// before an engine is asked, and where that is written.
func TestDenied(t *testing.T) {
	ssatest.NoLeaks(t)
	r := newRig(t, ssatest.NewAuthority(t))
	rules, err := policy.Parse("p", []byte(`default:
  versions: {min: "1.3"}
  peers: {deny: ["192.0.2.1", "*.bad.example"]}
  plain_tcp: deny
  program_options: [TLS_VERSION_MIN, TLS_REMOTE_HOSTNAME]
  limits: {connections: 1}
`))
	if err != nil {
		t.Fatal(err)
	}
	r.table.SetPolicy(rules)
	var told []*engine.Denial
	r.table.cfg.Denied = func(d *engine.Denial) { told = append(told, d) }
	int32Value := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	plain, err := sys.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	bad, good := netip.MustParseAddrPort("192.0.2.1:443"), netip.MustParseAddrPort("127.0.0.1:9")
	for _, tc := range []struct {
		name string
		call func(*Socket, *testCaller) error
		want engine.Denial
		errs abi.Errno
	}{
		{"an option's value", func(s *Socket, c *testCaller) error { return s.SetTLSOption(c, abi.VersionMin, int32Value(0x0303)) },
			engine.Denial{Sentence: "TLS_VERSION_MIN 1.2 is not allowed", Position: "p:2:19"}, abi.EPERM},
		{"an option", func(s *Socket, c *testCaller) error { return s.SetTLSOption(c, abi.SessionTTL, int32Value(5)) },
			engine.Denial{Sentence: "TLS_SESSION_TTL is not allowed", Position: "p:5:20"}, abi.EPERM},
		{"an address", func(s *Socket, c *testCaller) error { return s.Connect(c.call(), abi.EncodeSockaddr(bad, false)) },
			engine.Denial{Sentence: "the policy forbids connections to", Position: "p:3:17",
				Name: "192.0.2.1", Peer: bad}, abi.EPERM},
		{"plain TCP", func(_ *Socket, c *testCaller) error {
			_, err := r.table.ConnectPlainTCP(&testCaller{rig: r, end: plain}, plain,
				abi.EncodeSockaddr(good, false))
			return err
		}, engine.Denial{Sentence: "the policy allows no plain TCP connection to 127.0.0.1:9", Position: "p:4:14", Peer: good}, abi.EPERM},
		{"a limit", func(s *Socket, c *testCaller) error {
			if err := r.table.usage.begin(limitKey{s.baseLocked(c), exeOf(c)}); err != nil {
				return err
			}
			return s.Connect(c.call(), abi.EncodeSockaddr(good, false))
		}, engine.Denial{Sentence: "the policy lets one user have 1 connections", Position: "p:6:25", Limit: true}, abi.EAGAIN},
	} {
		s, c := r.socket(t, abi.FamilyInet, unix.SOCK_STREAM)
		told = nil
		err := c.wait(tc.call(s, c))
		if Errno(err) != tc.errs || len(told) != 1 {
			t.Errorf("%s: the program gets %v, told are %d", tc.name, err, len(told))
			continue
		}
		d := told[0]
		if !strings.Contains(d.Sentence, tc.want.Sentence) || d.Position != tc.want.Position ||
			tc.want.Name != "" && d.Name != tc.want.Name ||
			d.Peer != tc.want.Peer || d.Limit != tc.want.Limit || d.Exe != "/test" || d.Process.Int() < 0 {
			t.Errorf("%s: told is %+v", tc.name, d)
		}
		d.Process.Close()
	}
}

func exeOf(c Caller) string {
	path, _ := c.Executable()
	return path
}
