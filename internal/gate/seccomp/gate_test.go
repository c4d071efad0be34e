//go:build linux

package seccomp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secure-socket-api/ssa/internal/ssatest"
)

// Calls are answered one by one and in crowds, about sockets of ours and others.
func TestCalls(t *testing.T) {
	for _, threads := range []int{1, 2, 16} {
		for name, protocol := range map[string]int{"plain": 0, "TLS": tls} {
			t.Run(fmt.Sprintf("%d threads, %s", threads, name), func(t *testing.T) {
				ssatest.NoLeaks(t)
				r := newRig(t)
				if got := r.order(threads, 200, protocol); got != "done" {
					t.Error(got)
				}
			})
		}
	}
}

// A gate that can receive no more ends, and programs are told and do not hang.
func TestDeafGate(t *testing.T) {
	ssatest.NoLeaks(t)
	r := newRig(t)
	if got := r.order(1, 1, tls); got != "done" {
		t.Fatal(got)
	}
	if err := r.listener.Close(); err != nil {
		t.Fatal(err)
	}
	err := <-r.ended
	r.ended <- nil
	if err == nil || !strings.Contains(err.Error(), "receiving system calls") {
		t.Errorf("the gate ended with %v", err)
	}
	if got := r.order(1, 1, tls); !strings.Contains(got, "function not implemented") {
		t.Errorf("a call that nobody answers: %s", got)
	}
}

// BenchmarkCall is a notified call from the program's side: of a program that
// has no TLS socket, and on a TLS socket.
func BenchmarkCall(b *testing.B) {
	for name, protocol := range map[string]int{"plain": 0, "TLS": tls} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b)
			r.order(1, 10, protocol)
			b.ResetTimer()
			if got := r.order(1, (b.N+1)/2, protocol); got != "done" { // a look is two calls
				b.Fatal(got)
			}
		})
	}
}
