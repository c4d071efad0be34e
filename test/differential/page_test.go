//go:build linux

package differential

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

const pagePath = "../../docs/conformance.md"

// suitesTitle begins the part of the page that test/suites writes.
const suitesTitle = "\n## Other people's test suites\n"

// column is a way that a scenario is run in, as the page shows it.
type column int

const (
	columnTLS column = iota
	columnStatic
	columnIPv6
	columnTCP
	columns
)

// page collects the outcomes for docs/conformance.md.
type page struct {
	mu       sync.Mutex
	outcomes map[cell]string
}

type cell struct {
	title, scenario string
	column          column
}

func newPage() *page { return &page{outcomes: map[cell]string{}} }

// record notes the outcome of a test when it ends.
func (p *page) record(t *testing.T, title string, s scenario, c column) {
	t.Cleanup(func() {
		outcome := "same"
		switch {
		case t.Skipped():
			return
		case t.Failed():
			outcome = "**fails**"
		case s.differs != "" && c != columnTCP:
			outcome = "differs"
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.outcomes[cell{title, s.name, c}] = outcome
	})
}

// check compares the page with what was found, or writes it.
func (p *page) check(t *testing.T) {
	if ssatest.Ordinary() {
		return // the first run has checked it
	}
	if missing := p.missing(); missing != "" {
		t.Logf("not checked, since %s did not run", missing)
		return
	}
	old, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	text := p.text()
	if at := bytes.Index(old, []byte(suitesTitle)); at >= 0 {
		text = append(text, old[at:]...)
	}
	if *update {
		if err := os.WriteFile(pagePath, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(old, text) {
		t.Errorf("docs/conformance.md is out of date; write it with: go test ./test/differential -update\nIt should be:\n%s", text)
	}
}

// wanted says in which ways a scenario is run.
func wanted(s scenario, inC bool) [columns]bool {
	return [columns]bool{columnTLS: true, columnStatic: inC && !s.once, columnIPv6: inC && !s.once && !s.ipv4, columnTCP: inC && !s.once}
}

// missing names a scenario that did not run, if there is one.
func (p *page) missing() string {
	found := ""
	everyScenario(func(title string, s scenario, inC bool) {
		for c, want := range wanted(s, inC) {
			if _, ok := p.outcomes[cell{title, s.name, column(c)}]; want && !ok {
				found = title + ": " + s.name
			}
		}
	})
	return found
}

func everyScenario(do func(title string, s scenario, inC bool)) {
	for _, g := range groups {
		for _, s := range g.scenarios {
			do(g.title, s, true)
		}
	}
	for _, l := range languages {
		for _, s := range l.scenarios {
			do(l.title(), s, false)
		}
	}
}

const pageHead = `# Conformance: a TLS socket behaves as a TCP socket

Written by ` + "`go test ./test/differential -update`" + `, and checked by the same test without the flag; but for its last part,
which says how it is written.

Each scenario is a program that makes socket calls and prints every result. It runs over TCP without ` + "`ssa`" + `, and over
TLS under ` + "`ssa run`" + `, with peers that do the same steps. *same*: both runs printed the same, call by call, errno by errno,
event by event. The columns are: TLS from a dynamically linked program over IPv4; a statically linked one (musl);
IPv6; and, as a check that ` + "`ssa run`" + ` leaves other sockets alone, the same program over plain TCP under ` + "`ssa run`" + `.
An empty field: not run in that way, because the scenario is about the amount of work, or about IPv4.
As root, everything is run a second time as an ordinary user.
`

func (p *page) text() []byte {
	var out bytes.Buffer
	out.WriteString(pageHead)
	last := ""
	var notes []string
	everyScenario(func(title string, s scenario, inC bool) {
		if title != last {
			fmt.Fprintf(&out, "\n## %s\n\n", title)
			if inC {
				out.WriteString("| scenario | what | TLS | static | IPv6 | TCP under ssa run |\n| --- | --- | --- | --- | --- | --- |\n")
			} else {
				out.WriteString("| scenario | what | TLS |\n| --- | --- | --- |\n")
			}
			last = title
		}
		fmt.Fprintf(&out, "| %s | %s |", s.name, s.about)
		for c := range columns {
			if inC || c == columnTLS {
				fmt.Fprintf(&out, " %s |", p.outcomes[cell{title, s.name, c}])
			}
		}
		out.WriteString("\n")
		if s.differs != "" {
			notes = append(notes, fmt.Sprintf("- %s: %s.\n", s.name, s.differs))
		}
	})
	out.WriteString("\n## What differs, and why\n\n")
	for _, note := range append(notes, unseen...) {
		out.WriteString(note)
	}
	return out.Bytes()
}

// unseen are differences that no scenario can show every time.
var unseen = []string{
	"- signals: under `ssa run` a signal whose handler has no SA_RESTART can make socket, bind, listen, connect, getsockname, getpeername, " +
		"setsockopt, getsockopt or shutdown fail with EINTR, of any socket, when it arrives in the microseconds before the gate has taken the call on. " +
		"Nothing has been done then; before Linux 5.19 it can also arrive later.\n",
	"- inheritance: an accepted socket has the options of its listener as over TCP, but not SO_RCVTIMEO and SO_SNDTIMEO: the kernel makes its " +
		"descriptor, which the gate does not see.\n",
	"- control messages: SCM_CREDENTIALS and SCM_RIGHTS that a program sends over a TLS socket reach nobody, as over TCP, but the kernel judges " +
		"them first: EPERM for credentials of others, EBADF for a descriptor that is none, where TCP looks at neither.\n",
	"- options that bring control messages (SO_TIMESTAMP and its relatives, TCP_INQ), SO_ZEROCOPY, SO_PEEK_OFF, TCP_ULP, TCP_REPAIR, and those whose " +
		"value is a pointer or a descriptor (SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF and _EBPF, netfilter's) are EOPNOTSUPP.\n",
	"- buffers: what a program may write to a peer that does not read is SO_SNDBUF twice, of the local stream and of TCP, and some 40 kB in our hands, " +
		"up to 256 kB where no size was set. A size set on a connected socket holds for TCP and what the program writes, not for what waits for it to read. " +
		"An accepted socket has its listener's size for the local stream from accept() with an address on, or the first call but read and write.\n",
	"- SO_RCVLOWAT is TCP's and told, but poll() and read() do not wait for as much; SIOCOUTQ counts what `ssa run` has not read, in the kernel's own count, not " +
		"what the peer has not acknowledged. FIONREAD is right.\n",
	"- a close with something unread sends what was written and a close_notify, where TCP resets and drops both.\n",
	"- a reset while something is unread: writing fails at once, poll() shows POLLERR and POLLHUP when the program has read, or a second after. " +
		"A program that reads more than a second later can see data and the end in one look, as over TCP.\n",
	"- an end of TCP without a close_notify: a server's program may go on writing for two seconds of silence after it has read everything; then it is shown ECONNRESET.\n",
	"- a connection that broke by keepalive or TCP_USER_TIMEOUT: read() says ECONNRESET, SO_ERROR and TLS_ERROR have TCP's ETIMEDOUT.\n",
	"- epoll: with EPOLLET, every write makes an EPOLLOUT edge when the peer's side of the stream has read it, not only one that makes room.\n",
	"- what looks at a descriptor from outside sees an AF_UNIX stream: /proc/net, ss and lsof, SIOCUNIXFILE, and getpeername and getsockname " +
		"in a program that is not below `ssa run` and was sent the descriptor; the TCP connection is `ssa run`'s, or the service's.\n",
	"- late refusals: in TLS 1.3 a client's handshake is over before the server has judged the client's certificate. connect() then succeeds, and the " +
		"first read is ECONNRESET, or SO_ERROR is EPROTO when the refusal comes before that is asked; TLS_ERROR has the server's alert in each case.\n",
	"- setup: accept() may return a moment before the client's connect() does, or poll() shows it; over TCP connect() is over first.\n",
	"- closed listeners: `ssa run` hears of a close() a moment after the program goes on (an event of inotify; where the user has no instance left, " +
		"within half a second). Who connects in that moment is reset instead of refused; clients below the same `ssa run` are refused, always. A client " +
		"that came within the second before and has said nothing hears nothing until it speaks: the kernel has not announced it yet.\n",
}
