//go:build linux

package target

import (
	"errors"
	"os"
	"testing"
	"unsafe"

	"github.com/secure-socket-api/ssa/abi"
)

func TestWriteBoth(t *testing.T) {
	const nowhere = 8 // nothing is ever mapped at the beginning
	first, second := make([]byte, 4), make([]byte, 4)
	at := func(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&b[0]))) }
	tests := []struct {
		name          string
		toA, toB      uint64
		a, b          string
		first, second string // afterwards
		want          error
	}{
		{"both", at(first), at(second), "abcd", "ef", "abcd", "ef\x00\x00", nil},
		{"no value", nowhere, at(second), "", "ef", "\x00\x00\x00\x00", "ef\x00\x00", nil},
		{"bad value", nowhere, at(second), "abcd", "ef", "\x00\x00\x00\x00", "\x00\x00\x00\x00", abi.EFAULT},
		{"bad length", at(first), nowhere, "abcd", "ef", "abcd", "\x00\x00\x00\x00", abi.EFAULT},
		{"null", at(first), 0, "abcd", "ef", "abcd", "\x00\x00\x00\x00", abi.EFAULT},
		{"the kernel's memory", 1 << 63, at(second), "abcd", "ef", "\x00\x00\x00\x00", "\x00\x00\x00\x00", abi.EFAULT},
		{"around the end", ^uint64(1), at(second), "abcd", "ef", "\x00\x00\x00\x00", "\x00\x00\x00\x00", abi.EFAULT},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clear(first)
			clear(second)
			err := WriteBoth(os.Getpid(), test.toA, []byte(test.a), test.toB, []byte(test.b))
			if !errors.Is(err, test.want) || err != nil && test.want == nil {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if string(first) != test.first || string(second) != test.second {
				t.Errorf("memory is %q and %q, want %q and %q", first, second, test.first, test.second)
			}
		})
	}
}
