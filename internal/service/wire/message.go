package wire

import "fmt"

// Kind is the type of a message.
type Kind uint8

// Kinds. Those of the service begin at 128.
const (
	KindHello Kind = 1 + iota
	KindListen
	KindUnlisten
	KindHandshake
	KindCancel
	KindRelay
	KindGuard
	KindStopLingering
	KindAbort
	KindSetAbortive
	KindResetDone
	KindStatus
	KindKeyLog
	KindTakeOver
	KindDenied
	KindIdentify
)

// Kinds of the service's messages.
const (
	KindWelcome Kind = 128 + iota
	KindPolicy
	KindListening
	KindRefused
	KindEstablished
	KindDone
	KindResetNeeded
	KindEnded
	KindGoAway
	KindReport
	KindTaken
	KindIdentified
)

// Message is one of the messages below.
type Message interface {
	kind() Kind
	fields(*visitor)
}

// makers make an empty message of each kind.
var makers = map[Kind]func() Message{
	KindHello:         func() Message { return &Hello{} },
	KindListen:        func() Message { return &Listen{} },
	KindUnlisten:      func() Message { return &Unlisten{} },
	KindHandshake:     func() Message { return &Handshake{} },
	KindCancel:        func() Message { return &Cancel{} },
	KindRelay:         func() Message { return &Relay{} },
	KindGuard:         func() Message { return &Guard{} },
	KindStopLingering: func() Message { return &StopLingering{} },
	KindAbort:         func() Message { return &Abort{} },
	KindSetAbortive:   func() Message { return &SetAbortive{} },
	KindResetDone:     func() Message { return &ResetDone{} },
	KindStatus:        func() Message { return &Status{} },
	KindKeyLog:        func() Message { return &KeyLog{} },
	KindTakeOver:      func() Message { return &TakeOver{} },
	KindDenied:        func() Message { return &Denied{} },
	KindIdentify:      func() Message { return &Identify{} },
	KindWelcome:       func() Message { return &Welcome{} },
	KindPolicy:        func() Message { return &Policy{} },
	KindListening:     func() Message { return &Listening{} },
	KindRefused:       func() Message { return &Refused{} },
	KindEstablished:   func() Message { return &Established{} },
	KindDone:          func() Message { return &Done{} },
	KindResetNeeded:   func() Message { return &ResetNeeded{} },
	KindEnded:         func() Message { return &Ended{} },
	KindGoAway:        func() Message { return &GoAway{} },
	KindReport:        func() Message { return &Report{} },
	KindTaken:         func() Message { return &Taken{} },
	KindIdentified:    func() Message { return &Identified{} },
}

func newMessage(kind Kind) Message {
	if make, ok := makers[kind]; ok {
		return make()
	}
	return nil
}

// KindOf returns the kind of a message.
func KindOf(m Message) Kind { return m.kind() }

func (k Kind) String() string {
	if m := newMessage(k); m != nil {
		return fmt.Sprintf("%T", m)[len("*wire."):]
	}
	return fmt.Sprintf("type %d", uint8(k))
}
