package ticketstore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode"
)

// The part of Redis's protocol (RESP, version 2) that three commands need.
// Nothing is allocated because the server says so: sizes are held against what
// was asked for first.

// maxLine bounds a line of the server's.
const maxLine = 1024

// refusal is an error that the server answers with.
type refusal struct{ text string }

func (r *refusal) Error() string { return "the server refused it: " + r.text }

var errProtocol = errors.New("the server does not speak Redis's protocol, or says more than it was asked")

// encode writes a command as the protocol has it: an array of strings.
func encode(command []string) []byte {
	out := fmt.Appendf(nil, "*%d\r\n", len(command))
	for _, arg := range command {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return out
}

// readLine reads a line: what kind of answer it is, and the rest. An error of
// the server's is an error.
func readLine(r *bufio.Reader) (kind byte, rest string, err error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return 0, "", errProtocol
	}
	if err != nil {
		return 0, "", ended(err)
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || len(line) == 0 {
		return 0, "", errProtocol
	}
	if line[0] == '-' {
		return 0, "", &refusal{printable(line[1:])}
	}
	return line[0], string(line[1:]), nil
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the server closed the connection")
	}
	return err
}

// printable makes what a server says fit for a message.
func printable(text []byte) string {
	const most = 120
	return string(bytes.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text[:min(len(text), most)]))
}

func readOK(r *bufio.Reader) error {
	kind, rest, err := readLine(r)
	if err == nil && (kind != '+' || rest != "OK") {
		err = errProtocol
	}
	return err
}

// readOKOrNothing reads the answer to a SET with NX.
func readOKOrNothing(r *bufio.Reader) error {
	kind, rest, err := readLine(r)
	if err == nil && (kind != '+' || rest != "OK") && (kind != '$' || rest != "-1") {
		err = errProtocol
	}
	return err
}

// readArray reads an array of count strings of at most size bytes, nil for
// those that are not there. A longer one is no value of ours: it is an error.
func readArray(r *bufio.Reader, count, size int) ([][]byte, error) {
	kind, rest, err := readLine(r)
	if err != nil {
		return nil, err
	}
	if kind != '*' || rest != strconv.Itoa(count) {
		return nil, errProtocol
	}
	values := make([][]byte, count)
	for i := range values {
		if values[i], err = readString(r, size); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func readString(r *bufio.Reader, size int) ([]byte, error) {
	kind, rest, err := readLine(r)
	if err != nil {
		return nil, err
	}
	if kind != '$' {
		return nil, errProtocol
	}
	if rest == "-1" {
		return nil, nil
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 0 || n > size || strconv.Itoa(n) != rest {
		return nil, errProtocol
	}
	value := make([]byte, n+2)
	if _, err := io.ReadFull(r, value); err != nil {
		return nil, ended(err)
	}
	if !bytes.HasSuffix(value, []byte("\r\n")) {
		return nil, errProtocol
	}
	return value[:n], nil
}
