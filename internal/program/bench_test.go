package program

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

func BenchmarkLook(b *testing.B) {
	n, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		b.Fatal(err)
	}
	pidfd := sys.Own(n)
	defer pidfd.Close()
	l, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		if _, err := l.Identify(pidfd); err != nil {
			b.Fatal(err)
		}
	}
}
