package registry_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/secure-socket-api/ssa/internal/service/registry"
)

// FuzzLegible: the JSON means the same, and has nothing in it that is not seen.
func FuzzLegible(f *testing.F) {
	for _, text := range []string{"", "/usr/bin/curl", "a\x1b[31m", "a\u009b31m", "a\x7f", "b\u202ec",
		"\U000e0041", "bücher.example", "\xff\xfe", "\u2028"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		legible := registry.Legible(plain)
		if i := strings.IndexFunc(string(legible),
			func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q is told as %q", text, legible)
		}
		var before, after string
		if err := json.Unmarshal(plain, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(legible, &after); err != nil || after != before {
			t.Errorf("%q means %q, and meant %q: %v", legible, after, before, err)
		}
	})
}

func TestAnswerIsLegible(t *testing.T) {
	r := registry.New(registry.Config{})
	c := client(1)
	c.Program.Exe, c.Name = "/tmp/a\u009b31m", "b\u202e.example"
	r.Begin(c)
	answer, err := r.Answer(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(answer), "\u009b\u202e") {
		t.Errorf("a terminal obeys %q", answer)
	}
	var s registry.Status
	if err := json.Unmarshal(answer, &s); err != nil || s.Connections[0].Name != c.Name ||
		s.Connections[0].Program.Exe != c.Program.Exe {
		t.Errorf("told is %+v, %v", s.Connections, err)
	}
}
