package policy

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/secure-socket-api/ssa/abi"
)

// Set notes an option with the value that setsockopt(2) was given: a text
// without its NUL, or an int in the order of bytes named. On error nothing has
// changed.
func (s *ProgramSettings) Set(option abi.Option, value []byte, order binary.ByteOrder) error {
	err := errNotHeld
	if parse := heldOf(option).parse; parse != nil {
		err = parse(s, optionValue{value, order})
	}
	if err != nil {
		return fmt.Errorf("%v: %w", option, err)
	}
	return nil
}

// OptionValue returns what an option reads as that is an int and tightens the
// policy; false for others.
func (e *Effective) OptionValue(option abi.Option) (int32, bool) {
	now := heldOf(option).now
	if now == nil {
		return 0, false
	}
	return now(e), true
}

// optionValue is the value of an option as it came.
type optionValue struct {
	bytes []byte
	order binary.ByteOrder
}

// number decodes a C int. It may be given with more bytes, as to TCP; those are
// not looked at.
func (v optionValue) number() (int32, error) {
	if len(v.bytes) < 4 {
		return 0, wrongSize(len(v.bytes))
	}
	return int32(v.order.Uint32(v.bytes)), nil
}

func wrongSize(size int) error {
	return fmt.Errorf("the value is an int of 4 bytes, and not of %d", size)
}

// held is how one option is held in ProgramSettings: how its value gets in
// there and out again. What is wrong with a value is said here alone.
type held struct {
	parse func(*ProgramSettings, optionValue) error // nil where Set does not take it
	// values returns what parse takes, ints big endian, one for each time that
	// the option was set; nil where requests to the service have a field for it.
	values func(*ProgramSettings) [][]byte
	text   func(*ProgramSettings) string // "" when not set
	// now is an int's value when it is read: what holds for the socket. It is nil
	// for others.
	now func(*Effective) int32
}

// notHeld is an option that has nothing to do with the policy.
var notHeld = held{text: func(*ProgramSettings) string { return "" }}

var errNotHeld = errors.New("this option does not tighten the policy")

func heldOf(option abi.Option) held {
	for _, rule := range Rules() {
		if rule.Option == option {
			return rule.held
		}
	}
	return notHeld
}
