package policy

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/secure-socket-api/ssa/abi"
)

// Options returns the settings as the socket options that made them, for the
// protocol of the service: each the number of the option, 4 bytes, big endian,
// and its value as setsockopt(2) has it on a big endian machine. Server, ALPN
// and Roots are not in it: the requests there have fields for them.
func (s *ProgramSettings) Options() [][]byte {
	var list [][]byte
	for _, rule := range Rules() {
		if rule.values == nil {
			continue
		}
		for _, value := range rule.values(s) {
			list = append(list, append(binary.BigEndian.AppendUint32(nil, uint32(rule.Option)), value...))
		}
	}
	return list
}

// maxOptions bounds a list of options.
const maxOptions = 256

// ParseOptions reads a list that Options made, or anybody else. Later options
// change what earlier ones have set, as with setsockopt(2).
func ParseOptions(list [][]byte) (ProgramSettings, error) {
	var s ProgramSettings
	if len(list) > maxOptions {
		return s, fmt.Errorf("there are more than %d options", maxOptions)
	}
	for _, item := range list {
		if len(item) < 4 {
			return ProgramSettings{}, errors.New("an option is cut short")
		}
		if err := s.setListed(abi.Option(binary.BigEndian.Uint32(item)), item[4:]); err != nil {
			return ProgramSettings{}, err
		}
	}
	return s, nil
}

// setListed is Set for an option of a list, whose ints have their length.
func (s *ProgramSettings) setListed(option abi.Option, value []byte) error {
	info, _ := abi.LookupOption(option)
	switch {
	case heldOf(option).values == nil:
		return fmt.Errorf("%v: %w", option, errNotHeld)
	case info.Kind == abi.Int && len(value) != 4:
		return fmt.Errorf("%v: %w", option, wrongSize(len(value)))
	}
	return s.Set(option, value, binary.BigEndian)
}
