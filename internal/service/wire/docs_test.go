package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The page names every message with its number and each of its fields.
func TestProtocolPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	for kind := range makers {
		row := fmt.Sprintf("\n| %d | %v |", kind, kind)
		i := strings.Index(string(text), row)
		if i < 0 {
			t.Errorf("docs/protocol.md has no row %q", row)
			continue
		}
		line, _, _ := strings.Cut(string(text)[i+1:], "\n")
		for tag := range tagsOf(kind) {
			if tag < 16 && !strings.Contains(line, fmt.Sprintf(" %d", tag)) {
				t.Errorf("the row of %v does not tell of field %d: %s", kind, tag, line)
			}
		}
	}
	for tag := range tagsOf(KindHandshake) {
		if tag >= 16 && !strings.Contains(string(text), fmt.Sprintf("\n| %d |", tag)) {
			t.Errorf("docs/protocol.md does not tell of field %d of a request", tag)
		}
	}
	if want := fmt.Sprintf("This is version %d.", Version); !strings.Contains(string(text), want) {
		t.Errorf("docs/protocol.md does not say %q", want)
	}
}

// tagsOf finds the tags that a message takes.
func tagsOf(kind Kind) map[uint8]bool {
	tags := map[uint8]bool{}
	for tag := range uint8(255) {
		v := &visitor{in: []field{{tag, make([]byte, 8)}}}
		newMessage(kind).fields(v)
		if len(v.in) == 0 {
			tags[tag] = true
		}
	}
	return tags
}
