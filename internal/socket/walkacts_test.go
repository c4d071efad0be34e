package socket

import (
	"net"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/gate/seccomp/unixend"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// act is an operation of the program, a peer or the service, and when it is
// tried. The names are those of test/model/socket.pml.
type act struct {
	may func(l *life) bool
	do  func(l *life) string
}

var acts = map[string]act{
	"connect":             {(*life).callable, func(l *life) string { return l.connect(true) }},
	"connect nonblocking": {(*life).calls, func(l *life) string { return l.connect(false) }},
	"connect, no service": {(*life).connectable, (*life).connectDown},
	"disconnect":          {(*life).calls, (*life).disconnect},
	"listen":              {(*life).calls, func(l *life) string { return errnoName(l.s.Listen(l.caller, 5)) }},
	"accept":              {both((*life).callable, in(Listening)), func(l *life) string { return l.accept(true) }},
	"accept nonblocking":  {both((*life).calls, in(Listening)), func(l *life) string { return l.accept(false) }},
	"shutdown":            {both((*life).calls, in(Fresh, Failed, Connecting, Connected, Ended)), (*life).shutdown},
	"get SO_ERROR":        {(*life).calls, (*life).soErrorAsked},
	"read":                {both((*life).calls, in(Connected, Ended)), (*life).read},
	"signal":              {(*life).waits, (*life).signal},
	"signal, unannounced": {(*life).waits, (*life).signalUnannounced},
	"verified":            {in(Connecting), func(l *life) string { return l.outcome(nil) }},
	"untrusted":           {in(Connecting), func(l *life) string { return l.outcome(errUntrusted) }},
	"service dies":        {either(in(Connecting), (*life).relaying), (*life).serviceDies},
	"peer ends":           {(*life).relayingOpen, (*life).peerEnds},
	"peer cuts":           {(*life).relayingOpen, func(l *life) string { return l.cut(errTruncated) }},
	"peer resets":         {(*life).relayingOpen, func(l *life) string { return l.cut(errReset) }},
	"client":              {both(in(Listening), func(l *life) bool { return l.queued == nil }), (*life).goodClient},
	"untrusted client":    {in(Listening), (*life).badClient},
	"close":               {(*life).mayClose, (*life).closeOwn},
	"close the other":     {(*life).mayCloseOther, (*life).closeOther},
	"dup":                 {(*life).single, func(l *life) string { return l.copy(false) }},
	"fork":                {(*life).single, func(l *life) string { return l.copy(true) }},
	"the other calls":     {(*life).older, (*life).touch},
	"the other writes":    {both((*life).hasOther, in(Fresh, Failed, Connecting, Connected, Ended)), (*life).writeOther},
	"upgrade":             {(*life).plain, func(l *life) string { return l.upgrade(true) }},
	"upgrade nonblocking": {(*life).plain, func(l *life) string { return l.upgrade(false) }},
}

// When an operation is tried.

func (l *life) plain() bool    { return l.s == nil }
func (l *life) hasOwn() bool   { return l.own.Int() >= 0 }
func (l *life) hasOther() bool { return l.other.Int() >= 0 }
func (l *life) calls() bool    { return !l.plain() && l.hasOwn() }
func (l *life) waits() bool    { return l.waiting != nil && !l.late }
func (l *life) callable() bool { return l.calls() && !l.waits() }
func (l *life) single() bool   { return l.hasOwn() && !l.hasOther() }
func (l *life) older() bool    { return strings.HasSuffix(l.holders(), " older") }
func (l *life) connectable() bool {
	return l.callable() && in(Fresh, Failed)(l) && !l.s.isUntoldLocked()
}
func (l *life) relaying() bool     { return in(Connected)(l) }
func (l *life) relayingOpen() bool { return l.relaying() && !l.hand.half() }

// A thread that waits in accept keeps its listener on TCP too, whoever closes it.
func (l *life) acceptWaits() bool { return in(Listening)(l) && l.waits() }
func (l *life) mayClose() bool {
	return l.calls() && !(l.acceptWaits() && (!l.hasOther() || l.older()))
}
func (l *life) mayCloseOther() bool {
	return l.hasOther() && !(l.acceptWaits() && !l.hasOwn())
}

func in(states ...State) func(l *life) bool {
	return func(l *life) bool {
		if l.plain() {
			return false
		}
		l.s.mu.Lock()
		defer l.s.mu.Unlock()
		for _, s := range states {
			if l.s.State() == s {
				return true
			}
		}
		return false
	}
}

func both(a, b func(l *life) bool) func(l *life) bool {
	return func(l *life) bool { return a(l) && b(l) }
}

func either(a, b func(l *life) bool) func(l *life) bool {
	return func(l *life) bool { return a(l) || b(l) }
}

// What the program does.

// call makes a call on the program's descriptor, which may wait.
func (l *life) call(blocking bool, do func(c *lifeCaller) error) string {
	if err := unix.SetNonblock(l.own.Int(), !blocking); err != nil {
		l.fatal(err)
	}
	c := l.caller.call()
	err := do(c)
	switch {
	case err == ErrPending:
		l.waiting, l.late = c, false
		return "pending"
	case len(c.given) > 0:
		return l.accepted(<-c.given)
	}
	return errnoName(err)
}

func (l *life) connect(blocking bool) string {
	to := sockaddr(l.w.peer.l.Addr().(*net.TCPAddr))
	return l.call(blocking, func(c *lifeCaller) error { return l.s.Connect(c, to) })
}

func (l *life) connectDown() string {
	l.stage.setDown(true)
	defer l.stage.setDown(false)
	return l.connect(false)
}

func (l *life) disconnect() string {
	hand := l.hand
	err := l.s.Connect(l.caller, make([]byte, unix.SizeofSockaddrInet4))
	if fresh := l.table.Lookup(l.inode(l.own)); fresh != nil && fresh != l.s {
		l.s, l.hand = fresh, nil
		if hand != nil {
			<-hand.over
		}
		l.leaveQueue()
		l.awaitAnswer()
		l.late = false
	}
	return errnoName(err)
}

// leaveQueue gives up a client whose listener listens no more.
func (l *life) leaveQueue() {
	if l.queued != nil {
		for _, c := range l.clients {
			c.Close()
		}
		l.queued = nil
	}
}

func (l *life) accept(blocking bool) string {
	return l.call(blocking, func(c *lifeCaller) error { return l.s.Accept(c) })
}

func (l *life) shutdown() string {
	was := l.hand
	_, err := l.s.Shutdown(l.caller, unix.SHUT_WR)
	switch {
	case in(Connecting, Failed)(l) || was != nil && !l.relaying() && !isOver(was):
		l.awaitOutcome()
	case l.relaying() && was.half():
		<-was.over
	}
	return errnoName(err)
}

func (l *life) soErrorAsked() string {
	value, err := l.s.Option(l.caller, unix.SOL_SOCKET, unix.SO_ERROR, 4)
	if err == nil && nativeUint32(value) != 0 {
		err = abi.Errno(nativeUint32(value))
	}
	return errnoName(err)
}

func (l *life) read() string {
	n, _, err := unix.Recvfrom(l.own.Int(), make([]byte, 10), unix.MSG_DONTWAIT)
	switch {
	case err != nil:
		return errnoName(err)
	case n > 0:
		return "a byte from nowhere"
	}
	return "end of file"
}

func (l *life) upgrade(blocking bool) string {
	var s *Socket
	was := l.inode(l.own)
	result := l.call(blocking, func(c *lifeCaller) error {
		return l.table.Upgrade(c, was, []byte("localhost"), func(found *Socket) { s = found })
	})
	if s != nil && l.table.Lookup(l.inode(l.own)) == s {
		l.s = s
	}
	return result
}

func (l *life) signal() string {
	if !l.s.Interrupt(l.waiting) {
		return "too late"
	}
	l.waiting.gone.Store(true)
	l.waiting = nil
	return "interrupted"
}

func (l *life) signalUnannounced() string {
	l.waiting.gone.Store(true)
	l.late = true
	return "interrupted"
}

func (l *life) closeOwn() string   { return l.closeOne(l.own) }
func (l *life) closeOther() string { return l.closeOne(l.other) }

func (l *life) closeOne(end *sys.FD) string {
	listens, alone := in(Listening)(l), !l.older()
	if listens && alone {
		l.await("older copies are forgotten", func() bool { return !l.s.hasKept() })
	}
	end.Close()
	switch {
	case l.held():
	case listens && alone && l.accepts():
		return "ok, and a client is let in"
	case l.waits() && in(Connecting)(l):
		l.awaitAnswer()
	}
	return "ok"
}

// accepts reports whether a client that comes now is let in.
func (l *life) accepts() bool {
	c, err := l.dial()
	if err != nil {
		return false // nobody listens any more
	}
	refused := make(chan struct{})
	go func() {
		defer close(refused)
		_, _ = c.Read(make([]byte, 1)) // nobody says anything to a client
	}()
	select {
	case <-refused:
		return false
	case <-l.stage.begun:
		return true
	}
}

func (l *life) copy(forked bool) string {
	fd, err := l.own.Dup()
	if err != nil {
		l.fatal(err)
	}
	l.other, l.forked = fd, forked
	return "ok"
}

// touch is a notified call on an older copy: see gate/seccomp/older.go.
func (l *life) touch() string {
	s := l.table.Older(l.inode(l.other))
	current, err := s.Current()
	if err != nil {
		return errnoName(err)
	}
	defer current.Close()
	return errnoName(unix.Dup3(unixend.FD(current).Int(), l.other.Int(), unix.O_CLOEXEC))
}

func (l *life) writeOther() string {
	err := unix.Sendto(l.other.Int(), []byte{'x'}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	if err != nil {
		return "refused"
	}
	return "taken"
}

// What happens to it.

func (l *life) outcome(err error) string {
	l.hand.verdict <- err
	if err == nil {
		<-l.hand.relayed
	}
	l.awaitOutcome()
	return ""
}

func (l *life) awaitOutcome() {
	l.await("an outcome", func() bool { return !in(Connecting)(l) })
	if !in(Connected, Ended)(l) {
		l.hand = nil
	}
	l.awaitAnswer()
}

// awaitAnswer waits until the call that waits is answered.
func (l *life) awaitAnswer() {
	if l.waits() {
		l.await("the program is told", func() bool {
			return len(l.waiting.answer) > 0
		})
	} else {
		l.waiting = nil
	}
	l.s.mu.Lock() // what answers has told all then
	defer l.s.mu.Unlock()
}

func (l *life) serviceDies() string {
	if in(Connecting)(l) {
		return l.outcome(errDown)
	}
	return l.cut(errDown)
}

func (l *life) peerEnds() string {
	if err := l.hand.finish(); err != nil {
		l.fatal(err)
	}
	if l.s.shutDown.Load() {
		<-l.hand.over
	}
	return ""
}

func (l *life) cut(why error) string {
	l.hand.cut(why)
	return ""
}

// newClient connects to the listener, and returns its handshake.
func (l *life) newClient() *staged {
	if _, err := l.dial(); err != nil {
		l.fatal(err)
	}
	return <-l.stage.begun
}

func (l *life) dial() (net.Conn, error) {
	name, err := l.s.Name()
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("tcp4", remoteAddr(name).String())
	if err != nil {
		return nil, err
	}
	l.clients = append(l.clients, c)
	_, err = c.Write([]byte("no hello that is waited for"))
	return c, err
}

func (l *life) goodClient() string {
	h := l.newClient()
	l.queued = h
	h.verdict <- nil
	<-h.relayed
	return ""
}

func (l *life) badClient() string {
	h := l.newClient()
	before := l.s.outcome.why()
	h.verdict <- errUntrusted
	l.await("a client is refused", func() bool { return l.s.outcome.why() != before })
	return ""
}

func isOver(h *staged) bool {
	select {
	case <-h.over:
		return true
	default:
		return false
	}
}

func (e *stage) setDown(down bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down = down
}
