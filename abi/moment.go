package abi

// Moment says when an option may be set or read.
type Moment uint8

// Moments.
const (
	Never         Moment = iota
	BeforeConnect        // before connect; of no use to a listener
	BeforeUse            // before connect or listen
	BeforeListen         // before listen; of no use to a client
	Connected            // once the handshake is done
	Any                  // at any time
)

// Phase is how far a socket has come, as far as options are concerned.
type Phase uint8

// Phases.
const (
	InFresh   Phase = iota // neither connected nor listening, perhaps after a connect that failed
	InConnect              // connecting
	InUse                  // connected, or accepted
	InListen               // listening

	Phases = iota // how many there are
)

// answers is what the contract answers to setting or reading an option at a
// time that is not its moment; zero where it is.
var answers = [...][Phases]Errno{
	Never: {InFresh: ENOPROTOOPT, InConnect: ENOPROTOOPT, InUse: ENOPROTOOPT,
		InListen: ENOPROTOOPT},
	BeforeConnect: {InConnect: EISCONN, InUse: EISCONN, InListen: EINVAL},
	BeforeUse:     {InConnect: EISCONN, InUse: EISCONN, InListen: EINVAL},
	BeforeListen:  {InConnect: EISCONN, InUse: EISCONN, InListen: EINVAL},
	Connected:     {InFresh: ENOTCONN, InConnect: ENOTCONN, InListen: ENOTCONN},
	Any:           {},
}

// In returns the errno for an option that is set or read in a phase, zero when
// it may be.
func (m Moment) In(p Phase) Errno { return answers[m][p] }
