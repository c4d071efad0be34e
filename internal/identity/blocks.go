package identity

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
)

// mark is the byte order mark that some editors begin a file with. Files that
// are put together have it in the middle too.
const mark = "\ufeff"

var begin = []byte("-----BEGIN ")

// Blocks returns all blocks of a PEM file. encoding/pem passes over what it
// cannot read; here a block that is cut off, is no base64 or runs into the next
// one is an error: what is read while it is being written must not be taken for
// the whole.
func Blocks(data []byte) ([]*pem.Block, error) {
	data = bytes.ReplaceAll(data, []byte(mark+string(begin)), begin)
	var blocks []*pem.Block
	for {
		block, rest := pem.Decode(data)
		read := data[:len(data)-len(rest)]
		if block == nil {
			read = data
		}
		begun := begins(read)
		if block == nil && begun > 0 || begun > 1 {
			return nil, fmt.Errorf("PEM block %d is damaged: %w", len(blocks)+1, damage(read))
		}
		if block == nil {
			return blocks, nil
		}
		blocks, data = append(blocks, block), rest
	}
}

// begins counts where blocks begin: at the start of a line, or, where a line
// end is missing, after the end of another.
func begins(data []byte) int {
	n := 0
	for at := 0; ; {
		i := bytes.Index(data[at:], begin)
		if i < 0 {
			return n
		}
		if at += i; at == 0 || data[at-1] == '\n' || data[at-1] == '\r' || data[at-1] == '-' {
			n++
		}
		at += len(begin)
	}
}

// damage says what is wrong with the first block.
func damage(data []byte) error {
	data = data[bytes.Index(data, begin):]
	end := bytes.Index(data, []byte("-----END "))
	next := bytes.Index(data[len(begin):], begin)
	switch {
	case end < 0 || next >= 0 && next+len(begin) < end:
		return errors.New("it has no end; was the file cut short, or is it being written?")
	case bytes.Contains(data, []byte("----------BEGIN ")):
		return errors.New("a line end is missing after it")
	}
	return errors.New("what is in it is not base64")
}
