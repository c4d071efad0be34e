package registry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/registry"
)

// TestAnswerFits: whatever users name their programs, the administrator is
// answered, in a message that the protocol has room for.
func TestAnswerFits(t *testing.T) {
	r := registry.New(registry.Config{})
	long := strings.Repeat("<", 600) // six bytes each in JSON
	for i := range 600 {
		p := registry.Program{UID: uint32(1000 + i%5), Exe: fmt.Sprint("/", i, long), Script: long, Cgroup: long}
		r.Refused(p, registry.Refusal{Name: long, What: registry.ByPolicy, Sentence: long, Position: long})
	}
	r.Begin(client(7)).Established(facts, after(1, 2))
	answer, err := r.Answer(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer) > 3<<20 {
		t.Errorf("an answer of %d bytes", len(answer))
	}
	var s registry.Status
	if err := json.Unmarshal(answer, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Connections) != 1 || len(s.Refusals) == 0 || len(s.Programs) < 2 {
		t.Errorf("told are %d connections, %d refusals and %d programs", len(s.Connections), len(s.Refusals), len(s.Programs))
	}
	refused, handshakes, rest := uint64(0), uint64(0), 0
	for _, p := range s.Programs {
		refused += p.Refused[registry.ByPolicy]
		handshakes += p.Handshakes
		if p.Program.Exe == "(others)" {
			rest++
		}
	}
	if refused != 600 || handshakes != 1 || rest != 1 || s.Totals.Refused[registry.ByPolicy] != 600 {
		t.Errorf("programs have %d refusals, %d handshakes, %d are of others; totals %+v", refused, handshakes, rest, s.Totals)
	}
}
