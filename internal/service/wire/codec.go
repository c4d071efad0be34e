package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// field is one tag and its value.
type field struct {
	tag   uint8
	value []byte
}

// visitor goes through the fields of a message, to write or to read them: so
// each message lists its fields once.
type visitor struct {
	writing bool
	out     []byte
	in      []field
	err     error
}

func (v *visitor) put(tag uint8, value []byte) {
	v.out = append(v.out, tag)
	v.out = binary.BigEndian.AppendUint32(v.out, uint32(len(value)))
	v.out = append(v.out, value...)
}

// take removes and returns the values of a tag.
func (v *visitor) take(tag uint8) (values [][]byte) {
	rest := v.in[:0]
	for _, f := range v.in {
		if f.tag == tag {
			values = append(values, f.value)
		} else {
			rest = append(rest, f)
		}
	}
	v.in = rest
	return values
}

// one is take for a field that comes at most once.
func (v *visitor) one(tag uint8) ([]byte, bool) {
	values := v.take(tag)
	if len(values) > 1 {
		v.fail("field %d comes %d times", tag, len(values))
	}
	if len(values) != 1 {
		return nil, false
	}
	return values[0], true
}

func (v *visitor) fail(format string, args ...any) {
	if v.err == nil {
		v.err = fmt.Errorf(format, args...)
	}
}

// number is an unsigned number; zero is not sent.
func (v *visitor) number(tag uint8, to *uint64) {
	if v.writing {
		if *to != 0 {
			v.put(tag, binary.BigEndian.AppendUint64(nil, *to))
		}
		return
	}
	value, ok := v.one(tag)
	switch {
	case !ok:
	case len(value) != 8:
		v.fail("field %d is a number of %d bytes, not 8", tag, len(value))
	default:
		*to = binary.BigEndian.Uint64(value)
	}
}

// signed is a number that is never negative.
func (v *visitor) signed(tag uint8, to *int64) {
	n := uint64(*to)
	v.number(tag, &n)
	if n > math.MaxInt64 {
		v.fail("field %d is too large a number", tag)
		return
	}
	*to = int64(n)
}

func (v *visitor) short(tag uint8, to *uint16) {
	n := uint64(*to)
	v.number(tag, &n)
	if n > math.MaxUint16 {
		v.fail("field %d is %d, which is more than 16 bits", tag, n)
		return
	}
	*to = uint16(n)
}

func (v *visitor) flag(tag uint8, to *bool) {
	n := uint64(0)
	if *to {
		n = 1
	}
	v.number(tag, &n)
	if n > 1 {
		v.fail("field %d is %d, neither 0 nor 1", tag, n)
		return
	}
	*to = n == 1
}

func (v *visitor) text(tag uint8, to *string) {
	if v.writing {
		if *to != "" {
			v.put(tag, []byte(*to))
		}
		return
	}
	if value, ok := v.one(tag); ok {
		*to = string(value)
	}
}

func (v *visitor) texts(tag uint8, to *[]string) {
	if v.writing {
		for _, s := range *to {
			v.put(tag, []byte(s))
		}
		return
	}
	for _, value := range v.take(tag) {
		*to = append(*to, string(value))
	}
}

// blobs are values that are passed on as they are.
func (v *visitor) blobs(tag uint8, to *[][]byte) {
	if v.writing {
		for _, b := range *to {
			v.put(tag, b)
		}
		return
	}
	*to = append(*to, v.take(tag)...)
}

// parseFields splits the fields of a message. Values refer to data.
func parseFields(data []byte) ([]field, error) {
	fields := make([]field, 0, 16)
	for len(data) > 0 {
		if len(data) < 5 {
			return nil, fmt.Errorf("a field is cut short: %d bytes are left", len(data))
		}
		tag, n := data[0], binary.BigEndian.Uint32(data[1:])
		data = data[5:]
		if uint64(n) > uint64(len(data)) {
			return nil, fmt.Errorf("field %d has %d bytes, but %d are left", tag, n, len(data))
		}
		if len(fields) == maxCount {
			return nil, fmt.Errorf("there are more than %d fields", maxCount)
		}
		fields = append(fields, field{tag, data[:n:n]})
		data = data[n:]
	}
	return fields, nil
}

// encode returns the frame of a message that comes with some descriptors.
func encode(m Message, descriptors int) ([]byte, error) {
	v := &visitor{writing: true, out: make([]byte, headerSize, 256)}
	m.fields(v)
	n := len(v.out) - headerSize
	if n > maxFields {
		return nil, fmt.Errorf("a message of %d bytes is too large: %d are allowed", n, maxFields)
	}
	binary.BigEndian.PutUint32(v.out, uint32(n))
	v.out[4], v.out[5] = byte(m.kind()), byte(descriptors)
	return v.out, nil
}

// decode reads the fields of a message. Values of the message refer to data.
func decode(kind Kind, data []byte) (Message, error) {
	m := newMessage(kind)
	if m == nil {
		return nil, fmt.Errorf("there is no message of type %d", kind)
	}
	fields, err := parseFields(data)
	if err != nil {
		return nil, fmt.Errorf("message %v: %w", kind, err)
	}
	v := &visitor{in: fields}
	m.fields(v)
	if v.err == nil && len(v.in) > 0 {
		v.fail("there is no field %d", v.in[0].tag)
	}
	if v.err != nil {
		return nil, fmt.Errorf("message %v: %w", kind, v.err)
	}
	return m, nil
}
