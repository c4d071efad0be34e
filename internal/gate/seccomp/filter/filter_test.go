package filter

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

const (
	retAllow  = unix.SECCOMP_RET_ALLOW
	retNotify = unix.SECCOMP_RET_USER_NOTIF
	retNosys  = unix.SECCOMP_RET_ERRNO | int(unix.ENOSYS)
)

// run evaluates the filter on a struct seccomp_data. x/net's machine loads
// words big-endian, so each word is stored that way; the high word of an
// argument stays behind its low word as on the little-endian machines we know.
func run(t *testing.T, vm *bpf.VM, audit, number uint32, args ...uint64) int {
	t.Helper()
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data, number)
	binary.BigEndian.PutUint32(data[4:], audit)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	got, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestProgram(t *testing.T) {
	for name, a := range Architectures {
		t.Run(name, func(t *testing.T) {
			vm, err := bpf.NewVM(Program(a, false))
			if err != nil {
				t.Fatal(err)
			}
			n := a.Numbers
			ptr := uint64(0x7f0000000000) // low word is zero: both words must be looked at
			for _, c := range []struct {
				what   string
				audit  uint32
				number uint32
				args   []uint64
				want   int
			}{
				{"socket of TLS", a.Audit, n[Socket], []uint64{2, 1, abi.ProtocolTLS}, retNotify},
				{"socket of TLS, dirty high word", a.Audit, n[Socket], []uint64{2, 1, 1<<32 | abi.ProtocolTLS}, retNotify},
				{"socket of TCP", a.Audit, n[Socket], []uint64{2, 1, 6}, retAllow},
				{"connect", a.Audit, n[Connect], []uint64{3}, retNotify},
				{"bind", a.Audit, n[Bind], []uint64{3}, retNotify},
				{"listen", a.Audit, n[Listen], []uint64{3}, retNotify},
				{"accept without address", a.Audit, n[Accept], []uint64{3, 0, 0}, retAllow},
				{"accept with address", a.Audit, n[Accept], []uint64{3, ptr, 0}, retNotify},
				{"accept4 without address", a.Audit, n[Accept4], []uint64{3, 0, 0, 0}, retAllow},
				{"accept4 with address", a.Audit, n[Accept4], []uint64{3, ptr + 8, 0, 0}, retNotify},
				{"getsockname", a.Audit, n[Getsockname], nil, retNotify},
				{"getpeername", a.Audit, n[Getpeername], nil, retNotify},
				{"shutdown", a.Audit, n[Shutdown], nil, retNotify},
				{"setsockopt of TLS", a.Audit, n[Setsockopt], []uint64{3, abi.ProtocolTLS, 85}, retNotify},
				{"setsockopt of TCP", a.Audit, n[Setsockopt], []uint64{3, 6, 1}, retNotify},
				{"setsockopt of IP with a number native at SOL_SOCKET", a.Audit, n[Setsockopt], []uint64{3, 0, unix.SO_TYPE}, retNotify},
				{"getsockopt SO_ERROR", a.Audit, n[Getsockopt], []uint64{3, 1, unix.SO_ERROR}, retNotify},
				{"getsockopt SO_SNDBUF", a.Audit, n[Getsockopt], []uint64{3, 1, unix.SO_SNDBUF}, retNotify},
				{"getsockopt SO_TYPE", a.Audit, n[Getsockopt], []uint64{3, 1, unix.SO_TYPE}, retAllow},
				{"setsockopt SO_RCVTIMEO", a.Audit, n[Setsockopt], []uint64{3, 1, unix.SO_RCVTIMEO}, retAllow},
				{"last native option", a.Audit, n[Setsockopt], []uint64{3, 1, unix.SO_RCVBUFFORCE}, retAllow},
				{"another call", a.Audit, 0, nil, retAllow},
				{"io_uring_setup", a.Audit, 425, nil, retNosys},
				{"32-bit x86", unix.AUDIT_ARCH_I386, 20, nil, retNosys},
				{"32-bit arm", unix.AUDIT_ARCH_ARM, 20, nil, retNosys},
			} {
				if got := run(t, vm, c.audit, c.number, c.args...); got != c.want {
					t.Errorf("%s: filter returns %#x, want %#x", c.what, got, c.want)
				}
			}
			if a.Foreign != 0 {
				if got := run(t, vm, a.Audit, a.Foreign|n[Socket], 2, 1, 6); got != retNosys {
					t.Errorf("x32 socket: filter returns %#x, want ENOSYS", got)
				}
			}
			if _, err := bpf.Assemble(Program(a, true)); err != nil {
				t.Errorf("assembling: %v", err)
			}
		})
	}
}

func TestNumbersAreThoseOfTheKernel(t *testing.T) {
	// This machine's own numbers come from x/sys; the other's are data only.
	a := Architectures[goarch]
	if a.Sendto != unix.SYS_SENDTO || a.Sendmsg != unix.SYS_SENDMSG || a.Sendmmsg != unix.SYS_SENDMMSG || a.IOUring != unix.SYS_IO_URING_SETUP {
		t.Errorf("sending and io_uring_setup of %s have other numbers in x/sys: %+v", goarch, a)
	}
	if a.Numbers != native {
		t.Errorf("numbers for %s are %v, x/sys has %v", goarch, a.Numbers, native)
	}
	if c, ok := a.Lookup(a.Numbers[Accept4]); !ok || c != Accept4 {
		t.Errorf("Lookup(accept4) = %v, %v", c, ok)
	}
	if _, ok := a.Lookup(0xffff); ok {
		t.Error("Lookup of an unknown number succeeds")
	}
}

func TestNoFastOpen(t *testing.T) {
	for name, a := range Architectures {
		strict, err := bpf.NewVM(Program(a, true))
		if err != nil {
			t.Fatal(err)
		}
		lax, err := bpf.NewVM(Program(a, false))
		if err != nil {
			t.Fatal(err)
		}
		const refused = unix.SECCOMP_RET_ERRNO | int(unix.EOPNOTSUPP)
		fast := uint64(unix.MSG_FASTOPEN | unix.MSG_NOSIGNAL)
		for _, c := range []struct {
			what   string
			number uint32
			args   []uint64
			want   int
		}{
			{"sendto", a.Sendto, []uint64{3, 1, 1, unix.MSG_NOSIGNAL}, retAllow},
			{"sendto with MSG_FASTOPEN", a.Sendto, []uint64{3, 1, 1, fast}, refused},
			{"sendmsg with MSG_FASTOPEN", a.Sendmsg, []uint64{3, 1, fast}, refused},
			{"sendmmsg with MSG_FASTOPEN", a.Sendmmsg, []uint64{3, 1, 1, fast}, refused},
			{"connect", a.Numbers[Connect], []uint64{3}, retNotify},
		} {
			if got := run(t, strict, a.Audit, c.number, c.args...); got != c.want {
				t.Errorf("%s: %s: filter returns %#x, want %#x", name, c.what, got, c.want)
			}
			if got := run(t, lax, a.Audit, c.number, c.args...); got == refused {
				t.Errorf("%s: %s is refused without a reason", name, c.what)
			}
		}
	}
}
