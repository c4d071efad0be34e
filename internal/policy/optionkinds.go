package policy

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// heldInt makes a setting with an int value: set notes it unless it says what is
// wrong, get tells it and whether it is set, and now tells what holds.
func heldInt(set func(*ProgramSettings, int32) error, get func(*ProgramSettings) (int32, bool),
	now func(*Effective) int32) held {
	return held{
		parse: func(s *ProgramSettings, v optionValue) error {
			n, err := v.number()
			if err != nil {
				return err
			}
			return set(s, n)
		},
		values: func(s *ProgramSettings) [][]byte {
			n, ok := get(s)
			if !ok {
				return nil
			}
			return [][]byte{binary.BigEndian.AppendUint32(nil, uint32(n))}
		},
		text: func(s *ProgramSettings) string {
			n, ok := get(s)
			if !ok {
				return ""
			}
			return fmt.Sprint(n)
		},
		now: now,
	}
}

// heldFlag is a setting that is 0 or 1.
func heldFlag(field func(*ProgramSettings) **bool, now func(*Effective) bool) held {
	number := func(on bool) int32 {
		if on {
			return 1
		}
		return 0
	}
	return heldInt(func(s *ProgramSettings, n int32) error {
		if n != 0 && n != 1 {
			return fmt.Errorf("%d is neither 0 nor 1", n)
		}
		on := n == 1
		*field(s) = &on
		return nil
	}, func(s *ProgramSettings) (int32, bool) {
		on := *field(s)
		return number(on != nil && *on), on != nil
	}, func(e *Effective) int32 { return number(now(e)) })
}

func heldVersion(field func(*ProgramSettings) *uint16, now func(*Effective) uint16) held {
	h := heldInt(func(s *ProgramSettings, n int32) error {
		if n < 0 || n > 0xffff || !slices.Contains(versionValues, uint16(n)) {
			return fmt.Errorf("0x%04x is not a version: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3", uint32(n))
		}
		*field(s) = uint16(n)
		return nil
	}, func(s *ProgramSettings) (int32, bool) { return int32(*field(s)), *field(s) != 0 },
		func(e *Effective) int32 { return int32(now(e)) })
	h.text = func(s *ProgramSettings) string { return versionText(*field(s)) }
	return h
}

// heldLifetime is that of sessions, in seconds; 0 is none.
var heldLifetime = heldInt(func(s *ProgramSettings, n int32) error {
	if n < 0 {
		return fmt.Errorf("%d is not a number of seconds", n)
	}
	d := time.Duration(n) * time.Second
	s.SessionTTL = &d
	return nil
}, func(s *ProgramSettings) (int32, bool) {
	if s.SessionTTL == nil {
		return 0, false
	}
	return int32(*s.SessionTTL / time.Second), true
}, func(e *Effective) int32 {
	if !e.Resumption {
		return 0
	}
	return int32(e.Lifetime / time.Second)
})

var heldAuth = heldInt(func(s *ProgramSettings, n int32) error {
	auth, ok := parseClientAuth(n)
	if !ok {
		return fmt.Errorf("%d is not 0 (none), 1 (required) or 2 (asked for)", n)
	}
	s.PeerAuth = &auth
	return nil
}, func(s *ProgramSettings) (int32, bool) {
	if s.PeerAuth == nil {
		return 0, false
	}
	return s.PeerAuth.optionValue(), true
}, func(e *Effective) int32 { return e.ClientAuth.optionValue() })

// heldSuites is a setting that names suites, with colons between them.
func heldSuites(field func(*ProgramSettings) *[]uint16) held {
	return held{
		parse: func(s *ProgramSettings, v optionValue) error {
			var ids []uint16
			for name := range strings.SplitSeq(string(v.bytes), ":") {
				suite, err := ParseSuite(name)
				if err != nil {
					return err
				}
				if !slices.Contains(ids, suite.ID) {
					ids = append(ids, suite.ID)
				}
			}
			*field(s) = ids
			return nil
		},
		// An empty list, which no program can ask for, is refused when it is read.
		values: func(s *ProgramSettings) [][]byte {
			ids := *field(s)
			if ids == nil {
				return nil
			}
			return [][]byte{[]byte(strings.Join(namesOf(ids), ":"))}
		},
		text: func(s *ProgramSettings) string {
			ids := *field(s)
			if ids != nil && len(ids) == 0 {
				return "(an empty list)"
			}
			return joinSuites(ids)
		},
	}
}

// heldSuite is a setting that names one suite more each time it is set.
func heldSuite(note func(*ProgramSettings, uint16), noted func(*ProgramSettings) []uint16) held {
	return held{
		parse: func(s *ProgramSettings, v optionValue) error {
			suite, err := ParseSuite(string(v.bytes))
			if err != nil {
				return err
			}
			note(s, suite.ID)
			return nil
		},
		values: func(s *ProgramSettings) [][]byte {
			var values [][]byte
			for _, name := range namesOf(noted(s)) {
				values = append(values, []byte(name))
			}
			return values
		},
		text: func(s *ProgramSettings) string { return joinSuites(noted(s)) },
	}
}

// heldProtocols is the setting of ALPN.
var heldProtocols = held{
	parse: func(s *ProgramSettings, v optionValue) (err error) {
		s.ALPN, err = ParseALPN(string(v.bytes))
		return err
	},
	text: func(s *ProgramSettings) string { return strings.Join(s.ALPN, ",") },
}

// ParseALPN reads the value of TLS_ALPN: protocols with commas between them.
func ParseALPN(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	list := strings.Split(text, ",")
	for i, p := range list {
		list[i] = strings.TrimSpace(p)            // "h2, http/1.1" means no blank
		if n := len(list[i]); n == 0 || n > 255 { // RFC 7301, section 3.1
			return nil, fmt.Errorf("a protocol has 1 to 255 bytes, and %q has %d", list[i], n)
		}
	}
	return list, nil
}

// heldRoots is the setting of roots that a program gave: that it gave some.
var heldRoots = held{
	text: func(s *ProgramSettings) string {
		if s.Roots {
			return "given"
		}
		return ""
	},
}
