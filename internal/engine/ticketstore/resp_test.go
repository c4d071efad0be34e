package ticketstore

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestEncode(t *testing.T) {
	const want = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n"
	if got := string(encode([]string{"SET", "a", "\r\n"})); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadArray(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"values", "*2\r\n$3\r\na\r\n\r\n$-1\r\n", "a\r\n|nil"},
		{"empty value", "*2\r\n$0\r\n\r\n$-1\r\n", "|nil"},
		{"refusal", "-NOAUTH Authentication \x1brequired.\r\n", "the server refused it: NOAUTH Authentication ?required."},
		{"refusal inside", "*2\r\n-x\r\n", "the server refused it: x"},
		{"fewer", "*1\r\n$-1\r\n", errProtocol.Error()},
		{"more", "*3\r\n", errProtocol.Error()},
		{"as many as can be", "*9223372036854775807\r\n", errProtocol.Error()},
		{"long value", "*2\r\n$74\r\n", errProtocol.Error()},
		{"longest value", "*2\r\n$9223372036854775807\r\n", errProtocol.Error()},
		{"negative", "*2\r\n$-2\r\n", errProtocol.Error()},
		{"no number", "*2\r\n$+1\r\nx\r\n", errProtocol.Error()},
		{"value without end", "*2\r\n$1\r\nxyz", errProtocol.Error()},
		{"another kind", "+OK\r\n", errProtocol.Error()},
		{"line without end", strings.Repeat("x", 2*maxLine), errProtocol.Error()},
		{"bare newline", "*2\n", errProtocol.Error()},
		{"empty line", "\r\n", errProtocol.Error()},
		{"nothing", "", "the server closed the connection"},
		{"cut off", "*2\r\n$3\r\nab", "unexpected EOF"},
	} {
		values, err := readArray(bufio.NewReaderSize(strings.NewReader(tc.in), maxLine), 2, recordSize)
		var texts []string
		for _, v := range values {
			if v == nil {
				v = []byte("nil")
			}
			texts = append(texts, string(v))
		}
		got := strings.Join(texts, "|")
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestReadOK(t *testing.T) {
	for in, want := range map[string][2]error{
		"+OK\r\n": {nil, nil}, "$-1\r\n": {errProtocol, nil}, "+NO\r\n": {errProtocol, errProtocol}, ":1\r\n": {errProtocol, errProtocol},
	} {
		if err := readOK(bufio.NewReaderSize(strings.NewReader(in), maxLine)); !errors.Is(err, want[0]) {
			t.Errorf("%q: %v, want %v", in, err, want[0])
		}
		if err := readOKOrNothing(bufio.NewReaderSize(strings.NewReader(in),
			maxLine)); !errors.Is(err, want[1]) {
			t.Errorf("%q of SET NX: %v, want %v", in, err, want[1])
		}
	}
}

// FuzzAnswer: whatever a server answers, there are exactly as many values as
// were asked for, none too long, or an error; and messages are printable.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"*2\r\n$1\r\na\r\n$-1\r\n", "-ERR x\r\n", "*2\r\n$99999999999\r\n",
		"+OK\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := readArray(bufio.NewReaderSize(bytes.NewReader(data), maxLine), 2, recordSize)
		if err != nil {
			if values != nil {
				t.Error("values and an error")
			}
			if strings.ContainsAny(err.Error(), "\x1b\r\n\x00") {
				t.Errorf("the message %q is not fit for a terminal", err)
			}
			return
		}
		if len(values) != 2 || len(values[0]) > recordSize || len(values[1]) > recordSize {
			t.Errorf("%d values, of %d and %d bytes", len(values), len(values[0]), len(values[1]))
		}
		again, err := readArray(bufio.NewReaderSize(bytes.NewReader(answer(values)), maxLine),
			2, recordSize)
		if err != nil || !bytes.Equal(again[0], values[0]) || !bytes.Equal(again[1], values[1]) {
			t.Errorf("written again, %q is read as %q (%v)", values, again, err)
		}
	})
}

// answer writes values as a server would.
func answer(values [][]byte) []byte {
	var b bytes.Buffer
	b.WriteString("*2\r\n")
	for _, v := range values {
		if v == nil {
			b.WriteString("$-1\r\n")
			continue
		}
		b.Write(bytes.TrimPrefix(encode([]string{string(v)}), []byte("*1\r\n")))
	}
	return b.Bytes()
}

// FuzzRecord: nothing that was not made with the secret gives a seed.
func FuzzRecord(f *testing.F) {
	s := newSealer([]byte(secret))
	f.Add(int64(7), s.make(7), 3)
	f.Add(int64(8), s.make(7), 3)
	f.Fuzz(func(t *testing.T, epoch int64, record []byte, bit int) {
		before := bytes.Clone(record)
		_, err := s.open(epoch, record)
		if !bytes.Equal(before, record) {
			t.Error("the record was changed")
		}
		if err != nil || len(record) == 0 {
			return
		}
		record[uint(bit)%uint(len(record))] ^= 1 << (uint(bit) % 8)
		if _, err := s.open(epoch, record); err == nil {
			t.Error("a record with another bit is accepted")
		}
	})
}
