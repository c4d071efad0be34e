package target

import (
	"os"
	"testing"
)

func TestParseSignals(t *testing.T) {
	const text = "Name:\tx\nState:\tS (sleeping)\nTgid:\t42\nSigPnd:\t0000000000002000\nShdPnd:\t8000000000000001\nSigBlk:\t0000000000000001\n"
	s, ok := parseSignals([]byte(text))
	if want := (signals{process: 42, own: 0x2000, shared: 1<<63 | 1, blocked: 1}); !ok || s != want {
		t.Errorf("parseSignals = %+v, %v; want %+v", s, ok, want)
	}
	for _, bad := range []string{"", "Tgid:\t42\n", "SigPnd:\tx\n" + text} {
		if s, ok := parseSignals([]byte(bad)); ok {
			t.Errorf("parseSignals(%q) = %+v", bad, s)
		}
	}
	if own, shared, _ := PendingSignals(os.Getpid()); own || shared {
		t.Errorf("this process has signals waiting: %v, %v", own, shared)
	}
}
