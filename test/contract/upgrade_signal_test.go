//go:build linux

package contract

import (
	"crypto/tls"
	"strconv"
	"syscall"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
)

// A handler with SA_RESTART runs while TCP_UPGRADE_TLS waits. It writes to a pipe,
// before the call is made again, and a child tells of that.
const interruptedUpgrade = `
import signal
woken, wake = os.pipe()
os.set_blocking(wake, False)
if not (child := os.fork()):
    say("@signalled", *os.read(woken, 1))
    os._exit(0)
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.siginterrupt(signal.SIGUSR1, False)
signal.set_wakeup_fd(wake)
say("@pid", os.getpid())
s = socket.create_connection(("127.0.0.1", int(args[0])))
say("upgrade", attempt(s.setsockopt, socket.IPPROTO_TCP, TCP_UPGRADE_TLS, args[1].encode()))
say("again", attempt(s.setsockopt, socket.IPPROTO_TCP, TCP_UPGRADE_TLS, args[1].encode()))
say("write", attempt(os.write, s.fileno(), b"hello"))
os.waitpid(child, 0)
`

// TestUpgradeRestarted: a call that the kernel makes again after a signal joins
// the handshake that it began. The names are as long as what else the kernel
// takes for the number of the option.
func TestUpgradeRestarted(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"sixteen1.example"}})
	policy := ssatest.PolicyWithRoots(t, "", authority.File(t))
	for name, want := range map[string][]string{
		"sixteen1.example": {"upgrade 0", "again EISCONN", "write 5"},
		"sixteen2.example": {"upgrade EPROTO"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := (&peer.Network{}).Listen(t)
			p := python(t, policy, interruptedUpgrade, l.Port(), name)
			pid, err := strconv.Atoi(p.Wait("pid"))
			if err != nil {
				t.Fatal(err)
			}
			c := tls.Server(l.AcceptTCP(), &tls.Config{
				GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
					if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
						return nil, err
					}
					p.Wait("signalled")
					return nil, nil
				},
				MaxVersion:   tls.VersionTLS12, // the refusal comes with the handshake
				Certificates: []tls.Certificate{leaf.TLS},
			})
			_ = c.Handshake()
			wantLines(t, p.Finish(), append(want, "exit status 0")...)
		})
	}
}

// TestUpgradeAgain: a non-blocking program that asks again is told how it ended,
// but not that another name is verified.
func TestUpgradeAgain(t *testing.T) {
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{"a.example"}})
	policy := ssatest.PolicyWithRoots(t, "", authority.File(t))
	for name, want := range map[string]string{"a.example": "again 0", "b.example": "again EISCONN"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := (&peer.Network{}).Listen(t)
			p := python(t, policy, `
s = socket.create_connection(("127.0.0.1", int(args[0])))
s.setblocking(False)
say("upgrade", attempt(s.setsockopt, socket.IPPROTO_TCP, TCP_UPGRADE_TLS, b"a.example"))
say("meanwhile", attempt(s.setsockopt, socket.IPPROTO_TCP, TCP_UPGRADE_TLS, args[1].encode()))
say("@asked")
select.select([], [s], [])
say("again", attempt(s.setsockopt, socket.IPPROTO_TCP, TCP_UPGRADE_TLS, args[1].encode()))
`, l.Port(), name)
			c := tls.Server(l.AcceptTCP(), &tls.Config{Certificates: []tls.Certificate{leaf.TLS}})
			p.Wait("asked")
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
			wantTranscript(t, p, "upgrade EINPROGRESS", "meanwhile EALREADY", want)
		})
	}
}
