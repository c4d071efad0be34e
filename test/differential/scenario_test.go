//go:build linux

package differential

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
	"github.com/secure-socket-api/ssa/test/peer"
	"github.com/secure-socket-api/ssa/test/programs"
)

// scenario is one program and what its peer does.
type scenario struct {
	name  string // of the program's scenario, and of the test
	about string // for the conformance page
	bytes int    // the program's `bytes` setting
	// listen: how the peer waits for the program, a client. nil means that the
	// program is the server, or talks to nobody.
	listen func(*peer.Network, testing.TB) *peer.Listener
	// peer leads the other end, step by step.
	peer func(*session)
	ipv4 bool // makes sense over IPv4 only
	once bool // is about one run being heavy: not repeated for each kind of program
	// differs, when not empty, says why the transcripts cannot be the same. The
	// test then fails when they are.
	differs string
}

var (
	listening = (*peer.Network).Listen
	stalled   = (*peer.Network).ListenStalled
)

// session is one run of a scenario.
type session struct {
	*programs.Process
	t        *testing.T
	network  *peer.Network
	listener *peer.Listener
	count    int // the scenario's bytes
}

// parallel does a step n times, eight at a time.
func (s *session) parallel(n int, step func()) {
	var group sync.WaitGroup
	turns := make(chan struct{}, n)
	for range n {
		turns <- struct{}{}
	}
	close(turns)
	for range 8 {
		group.Go(func() {
			for range turns {
				step()
			}
		})
	}
	group.Wait()
}

func (s *session) accept() *peer.Conn {
	s.t.Helper()
	return s.listener.Accept()
}

// connect waits for the program's port and connects there.
func (s *session) connect() *peer.Conn {
	s.t.Helper()
	return s.network.Dial(s.t, s.Port())
}

// world is what all runs of one test share.
type world struct {
	policy, chain, key string
	file               string // fileSize bytes
	server, client     *tls.Config
}

const (
	peerName = "peer.example"
	fileSize = 300000
)

func newWorld(t testing.TB) *world {
	t.Helper()
	authority := ssatest.NewAuthority(t)
	leaf := authority.Issue(t, ssatest.Leaf{Names: []string{peerName},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789"), fileSize/10), 0o644); err != nil {
		t.Fatal(err)
	}
	return &world{
		file:   file,
		policy: ssatest.PolicyWithRoots(t, "", authority.File(t)),
		chain:  leaf.ChainFile(t),
		key:    leaf.KeyFile(t),
		server: &tls.Config{Certificates: []tls.Certificate{leaf.TLS}},
		client: &tls.Config{RootCAs: authority.Pool(), ServerName: peerName},
	}
}

// way is how a program is run.
type way struct {
	tls  bool // IPPROTO_TLS instead of IPPROTO_TCP
	gate bool // under `ssa run`
	ipv6 bool
}

func (w way) String() string {
	protocol, runner, family := "tcp", "native", "ipv4"
	if w.tls {
		protocol = "tls"
	}
	if w.gate {
		runner = "gate"
	}
	if w.ipv6 {
		family = "ipv6"
	}
	return fmt.Sprintf("%s-%s-%s", protocol, family, runner)
}

// run runs one program once and returns its transcript.
func (w *world) run(t *testing.T, s scenario, how way, program ...string) []string {
	t.Helper()
	network := &peer.Network{IPv6: how.ipv6}
	if how.tls {
		network.Server, network.Client = w.server, w.client
	}
	ses := &session{t: t, network: network, count: s.bytes}
	args := append(program[1:len(program):len(program)], s.name, "name="+peerName, "chain="+w.chain,
		"key="+w.key, "file="+w.file,
		fmt.Sprintf("bytes=%d", s.bytes), fmt.Sprintf("other=%d", network.ClosedPort(t)))
	if how.ipv6 {
		args = append(args, "family=6")
	}
	if how.tls {
		args = append(args, "proto=205")
	} else {
		args = append(args, "proto=6")
	}
	if s.listen != nil {
		ses.listener = s.listen(network, t)
		args = append(args, fmt.Sprintf("port=%d", ses.listener.Port()))
	}
	cmd := exec.Command(program[0], args...)
	if how.gate {
		cmd = ssatest.Run{Policy: w.policy, Verbose: true}.Command(t, program[0], args...)
	}
	ses.Process = programs.Start(t, cmd)
	if s.peer != nil {
		s.peer(ses)
	}
	return ses.Finish()
}

// compare fails the test unless both transcripts are the same.
func compare(t *testing.T, s scenario, native, got []string) {
	t.Helper()
	same := slices.Equal(native, got)
	switch {
	case s.differs != "" && same:
		t.Errorf("the transcripts are the same, though they are said to differ: %s", s.differs)
	case s.differs == "" && !same:
		t.Errorf("the transcript differs from that of plain TCP (-), it is (+):\n%s", difference(native, got))
	}
}

// difference shows two transcripts as one, with marks at the lines that are in
// one only: a longest common subsequence, since transcripts are short.
func difference(a, b []string) string {
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out strings.Builder
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out.WriteString("    " + a[i] + "\n")
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out.WriteString("  - " + a[i] + "\n")
			i++
		default:
			out.WriteString("  + " + b[j] + "\n")
			j++
		}
	}
	return out.String()
}
