package uri

import (
	"fmt"
	"strconv"
	"strings"
)

// String returns the URI in one form, whichever way it was written.
func (u *URI) String() string {
	var b strings.Builder
	b.WriteString(Scheme)
	for _, a := range pathAttributes {
		if a.field == nil {
			continue
		}
		if v := *a.field(u); v != "" {
			b.WriteString(a.name + "=" + encode(v, "") + ";")
		}
	}
	b.WriteString("type=private?")
	for _, a := range queryAttributes {
		if v := *a.field(u); v != "" {
			if b.String()[b.Len()-1] != '?' {
				b.WriteByte('&')
			}
			b.WriteString(a.name + "=" + encode(v, "/"))
		}
	}
	return b.String()
}

// unreserved are the characters that need no encoding anywhere.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("-._~", c) >= 0
}

func encode(s, marks string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; unreserved(c) || strings.IndexByte(marks, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// decode undoes percent-encoding. Besides letters and digits only the marks may
// be written as they are.
func decode(s, marks string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case unreserved(c), strings.IndexByte(marks, c) >= 0:
			b.WriteByte(c)
		case c == '%':
			if i+2 >= len(s) {
				return "", fmt.Errorf("%q at its end is not two digits of a byte, as in %%20", s[i:])
			}
			v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", fmt.Errorf("%q is not a byte, as in %%20", clip(s[i:i+3]))
			}
			b.WriteByte(byte(v))
			i += 2
		default:
			return "", fmt.Errorf("%q must be written as %%%02X", string(rune(c)), c)
		}
	}
	return b.String(), nil
}
