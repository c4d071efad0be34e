package socket

import (
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy"
)

func TestUsageIsBoundedAndForgotten(t *testing.T) {
	rules, err := policy.Parse("test", []byte("default: {limits: {connections: 2}}"))
	if err != nil {
		t.Fatal(err)
	}
	var u usage
	p := program{rules.Default(), "/bin/a"}
	other := program{rules.Default(), "/bin/b"}
	for i := range 2 {
		if err := u.begin(p); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if err := u.begin(p); Errno(err) != abi.EAGAIN {
		t.Errorf("a third connection at a time: %v, want EAGAIN", err)
	}
	if err := u.begin(other); err != nil {
		t.Errorf("a connection of another program: %v", err)
	}
	u.end(p)
	if err := u.begin(p); err != nil {
		t.Errorf("a connection after one has ended: %v", err)
	}
	u.end(p)
	u.end(p)
	u.end(other)
	if len(u.count) != 0 {
		t.Errorf("%d programs are remembered for nothing", len(u.count))
	}
}
