package socket

import (
	"testing"

	"github.com/secure-socket-api/ssa/abi"
	"github.com/secure-socket-api/ssa/internal/policy"
)

func TestUsageIsBoundedAndForgotten(t *testing.T) {
	rules, err := policy.Parse("test", []byte("default: {limits: {connections: 2}}\nprofiles: [{name: other, match: {user: 0}}]"))
	if err != nil {
		t.Fatal(err)
	}
	var u usage
	p := limitKey{rules.Default(), "/bin/a"}
	other := limitKey{rules.Profiles()[0], "/bin/a"}
	for i := range 2 {
		if err := u.begin(p); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if err := u.begin(limitKey{rules.Default(), "/bin/copy-of-a"}); Errno(err) != abi.EAGAIN {
		t.Errorf("a third connection at a time: %v, want EAGAIN", err)
	}
	if err := u.begin(other); err != nil {
		t.Errorf("a connection under another profile: %v", err)
	}
	if u.may(p) == nil || u.may(other) != nil {
		t.Error("there is room where there is none, or none where there is")
	}
	u.end(p)
	if err := u.begin(p); err != nil {
		t.Errorf("a connection after one has ended: %v", err)
	}
	u.end(p)
	u.end(p)
	u.end(other)
	if len(u.count) != 0 {
		t.Errorf("%d profiles are remembered for nothing", len(u.count))
	}
}
