package wire

// Welcome answers Hello.
type Welcome struct {
	Version uint64
	// FirstID and IDs are numbers that the caller may give to connections.
	FirstID, IDs uint64
	Policy
}

func (*Welcome) kind() Kind { return KindWelcome }
func (m *Welcome) fields(v *visitor) {
	v.number(1, &m.Version)
	v.number(2, &m.FirstID)
	v.number(3, &m.IDs)
	m.Policy.fields(v)
}

// Policy is the text of the policy in force: a name and a content for each
// file. It comes again when another is in force.
type Policy struct {
	Names    []string
	Contents [][]byte
}

func (*Policy) kind() Kind { return KindPolicy }
func (m *Policy) fields(v *visitor) {
	v.texts(16, &m.Names)
	v.blobs(17, &m.Contents)
	if len(m.Names) != len(m.Contents) {
		v.fail("%d names come with %d files", len(m.Names), len(m.Contents))
	}
}

// Listening answers Listen.
type Listening struct{ Ref uint64 }

func (*Listening) kind() Kind          { return KindListening }
func (m *Listening) fields(v *visitor) { v.number(1, &m.Ref) }

// Refused says why something cannot be done.
type Refused struct {
	Ref uint64
	// Reason is one of the engine's reasons, see docs/protocol.md.
	Reason uint64
	// Errno is that of TCP when it failed, Linux's number; 0 otherwise.
	Errno uint64
	// Sentence says it to a person.
	Sentence string
}

func (*Refused) kind() Kind { return KindRefused }
func (m *Refused) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.number(2, &m.Reason)
	v.number(3, &m.Errno)
	v.text(4, &m.Sentence)
}

// Established answers Handshake: what is known of the connection.
type Established struct {
	Ref          uint64
	ID           uint64 // its number in logs and status
	TLSVersion   uint16
	CipherSuite  uint16
	ALPN         string
	ServerName   string   // SNI
	PeerIdentity string   // verified
	PeerChain    [][]byte // DER, leaf first
	Resumed      bool
	Group        string
	Revocation   []string
	Logs         []string
}

func (*Established) kind() Kind { return KindEstablished }
func (m *Established) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.number(2, &m.ID)
	v.short(3, &m.TLSVersion)
	v.short(4, &m.CipherSuite)
	v.text(5, &m.ALPN)
	v.text(6, &m.ServerName)
	v.text(7, &m.PeerIdentity)
	v.blobs(8, &m.PeerChain)
	v.flag(9, &m.Resumed)
	v.text(10, &m.Group)
	v.texts(11, &m.Revocation)
	v.texts(12, &m.Logs)
}

// Done answers Guard, SetAbortive, KeyLog and Denied.
type Done struct{ Ref uint64 }

func (*Done) kind() Kind          { return KindDone }
func (m *Done) fields(v *visitor) { v.number(1, &m.Ref) }

// ResetNeeded asks the caller to write one byte of no meaning to the program's
// end of the plaintext stream, since that must end with ECONNRESET. The service
// has stopped reading. ResetDone is the answer.
// The reason is what the program may ask for.
type ResetNeeded struct {
	Ref           uint64
	Reason, Errno uint64
	Sentence      string
}

func (*ResetNeeded) kind() Kind { return KindResetNeeded }
func (m *ResetNeeded) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.number(2, &m.Reason)
	v.number(3, &m.Errno)
	v.text(4, &m.Sentence)
}

// Ended says how a relayed connection ended. The caller closes its duplicates.
type Ended struct {
	Ref            uint64
	Failed         bool // with the reason below; otherwise the end was clean
	Reason, Errno  uint64
	Sentence       string
	Sent, Received int64 // plaintext bytes
	Refused        bool  // the program's descriptor may be open still: see engine.End
}

func (*Ended) kind() Kind { return KindEnded }
func (m *Ended) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.flag(2, &m.Failed)
	v.number(3, &m.Reason)
	v.number(4, &m.Errno)
	v.text(5, &m.Sentence)
	v.signed(6, &m.Sent)
	v.signed(7, &m.Received)
	v.flag(8, &m.Refused)
}

// GoAway says that another service takes new connections at the same place,
// or will. Those there are go on.
type GoAway struct{}

func (*GoAway) kind() Kind      { return KindGoAway }
func (*GoAway) fields(*visitor) {}

// Report answers Status: JSON, see docs/seeing.md.
type Report struct {
	Ref  uint64
	JSON [][]byte // one
}

func (*Report) kind() Kind { return KindReport }
func (m *Report) fields(v *visitor) {
	v.number(1, &m.Ref)
	v.blobs(2, &m.JSON)
}

// Taken answers TakeOver. Descriptor: the listening socket.
type Taken struct{ Ref uint64 }

func (*Taken) kind() Kind          { return KindTaken }
func (m *Taken) fields(v *visitor) { v.number(1, &m.Ref) }
