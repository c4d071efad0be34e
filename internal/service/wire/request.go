package wire

// Hello is the first message of a caller. Once Welcome has come it may ask.
type Hello struct {
	Version uint64
	// Agent says for logs what the caller is, such as "ssa run 1.0".
	Agent string
	// LastID is the highest number that the caller has had from a service that
	// has ended since, so that none comes twice.
	LastID uint64
	// StatusOnly says that this connection will ask Status and nothing else, so
	// that it can be given to who must not have the caller's other rights.
	StatusOnly bool
}

func (*Hello) kind() Kind { return KindHello }
func (m *Hello) fields(v *visitor) {
	v.number(1, &m.Version)
	v.text(2, &m.Agent)
	v.number(3, &m.LastID)
	v.flag(4, &m.StatusOnly)
}

// Request is what a connection, or the connections of a server, need.
type Request struct {
	// Server is the role in the handshake.
	Server bool
	// Exe is the path of the executable as the caller saw it while the program
	// waited for an answer, and ExeFile says which file that was: its device and
	// inode in hexadecimal, with a colon between. The service refuses when it
	// sees another file, or, without ExeFile, another path. Empty for no claim.
	Exe, ExeFile string
	// Name is what a client's peer must prove to be, and Port its TCP port.
	Name string
	Port uint16
	// Options are the socket options that the program has set, by which the
	// policy is tightened, in the form that setsockopt(2) has them. Each is the
	// number of the option, 4 bytes, big endian, and its value.
	Options [][]byte
	// ALPN lists application protocols, best first.
	ALPN []string
	// Identities are the program's own certificates: each a list as
	// EncodeIdentity makes it. A server without has those of the policy.
	Identities [][]byte
	// Roots are anchors that the program gave, DER.
	Roots [][]byte
	// TimeoutMillis limits a handshake, milliseconds; 0: the policy's limit.
	TimeoutMillis uint64
}

func (m *Request) fields(v *visitor) {
	v.flag(16, &m.Server)
	v.text(17, &m.Exe)
	v.text(18, &m.Name)
	v.short(19, &m.Port)
	v.blobs(20, &m.Options)
	v.texts(21, &m.ALPN)
	v.blobs(22, &m.Identities)
	v.blobs(23, &m.Roots)
	v.number(24, &m.TimeoutMillis)
	v.text(25, &m.ExeFile)
}

// Listen asks whether a server can be, before it listens. Descriptor: a pidfd
// of its process. The answer is Listening or Refused.
type Listen struct {
	Ref uint64 // of the server, chosen by the caller, of nothing else under way
	Request
}

func (*Listen) kind() Kind { return KindListen }
func (m *Listen) fields(v *visitor) {
	v.number(1, &m.Ref)
	m.Request.fields(v)
}

// Unlisten gives a server up. Its connections go on. No answer.
type Unlisten struct{ Ref uint64 }

func (*Unlisten) kind() Kind          { return KindUnlisten }
func (m *Unlisten) fields(v *visitor) { v.number(1, &m.Ref) }

// Handshake asks for a handshake. Descriptors: the connected TCP socket, and a
// pidfd of the program's process when Listener is 0. The answer is Established
// or Refused.
type Handshake struct {
	Ref uint64 // of the connection, chosen by the caller, of nothing else under way
	// Listener is the Ref of a Listen, whose request holds; 0 for none.
	Listener uint64
	// ID is the number for logs and status, of those that Welcome gave; 0 or
	// any other: the service chooses.
	ID uint64
	Request
}

func (*Handshake) kind() Kind { return KindHandshake }
func (m *Handshake) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.number(2, &m.Listener)
	v.number(3, &m.ID)
	m.Request.fields(v)
}

// Cancel ends a handshake, whose answer comes all the same.
type Cancel struct{ Ref uint64 }

func (*Cancel) kind() Kind          { return KindCancel }
func (m *Cancel) fields(v *visitor) { v.number(1, &m.Ref) }

// Relay begins to move bytes. Descriptor: the service's end of the plaintext
// stream. Ended comes when it is over. The caller keeps a duplicate of this end
// and of the TCP socket open until then.
type Relay struct{ Ref uint64 }

func (*Relay) kind() Kind          { return KindRelay }
func (m *Relay) fields(v *visitor) { v.number(1, &m.Ref) }

// Guard leaves the last byte before the program's end of file unread. Done is
// the answer.
type Guard struct{ Ref uint64 }

func (*Guard) kind() Kind          { return KindGuard }
func (m *Guard) fields(v *visitor) { v.number(1, &m.Ref) }

// StopLingering says that nobody waits for the connection any more. No answer.
type StopLingering struct{ Ref uint64 }

func (*StopLingering) kind() Kind          { return KindStopLingering }
func (m *StopLingering) fields(v *visitor) { v.number(1, &m.Ref) }

// Abort ends an established connection that is not going to be relayed.
type Abort struct{ Ref uint64 }

func (*Abort) kind() Kind          { return KindAbort }
func (m *Abort) fields(v *visitor) { v.number(1, &m.Ref) }

// SetAbortive says what the program's close means. Done is the answer.
type SetAbortive struct {
	Ref uint64
	On  bool
}

func (*SetAbortive) kind() Kind { return KindSetAbortive }
func (m *SetAbortive) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.flag(2, &m.On)
}

// ResetDone answers ResetNeeded.
type ResetDone struct{ Ref uint64 }

func (*ResetDone) kind() Kind          { return KindResetDone }
func (m *ResetDone) fields(v *visitor) { v.number(1, &m.Ref) }

// Status asks for a Report.
type Status struct {
	Ref   uint64
	Query [][]byte // JSON, see docs/seeing.md; none asks for everything
	// Earlier asks for the status of the service that was here before, or of the
	// one before that.
	Earlier uint64
	// For, for the administrator, says that the user UID wants to see it.
	For bool
	UID uint64
}

func (*Status) kind() Kind { return KindStatus }
func (m *Status) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.blobs(2, &m.Query)
	v.number(3, &m.Earlier)
	v.flag(4, &m.For)
	v.number(5, &m.UID)
}

// KeyLog asks for the secrets of new connections of a profile to be written to
// the descriptor that comes with it, for some seconds; 0 seconds end the log of
// the profile. Only for the administrator. The answer is Done or Refused.
type KeyLog struct {
	Ref     uint64
	Profile string
	Seconds uint64
}

func (*KeyLog) kind() Kind { return KindKeyLog }
func (m *KeyLog) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.text(2, &m.Profile)
	v.number(3, &m.Seconds)
}

// TakeOver asks the service for its listening socket, which then serves its
// connections until they end. Only for the administrator. The answer is Taken
// or Refused.
type TakeOver struct{ Ref uint64 }

func (*TakeOver) kind() Kind          { return KindTakeOver }
func (m *TakeOver) fields(v *visitor) { v.number(1, &m.Ref) }
