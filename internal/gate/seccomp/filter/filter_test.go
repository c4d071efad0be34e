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
				{"last native option", a.Audit, n[Setsockopt], []uint64{3, 1, unix.SO_SNDTIMEO_NEW}, retAllow},
				{"setsockopt SO_RCVBUF", a.Audit, n[Setsockopt], []uint64{3, 1, unix.SO_RCVBUF}, retNotify},
				{"send of urgent data", a.Audit, n[Sendto], []uint64{3, ptr, 1, unix.MSG_OOB}, retNotify},
				{"sendmsg of urgent data", a.Audit, n[Sendmsg], []uint64{3, ptr, unix.MSG_OOB | unix.MSG_NOSIGNAL}, retNotify},
				{"sendmmsg of urgent data", a.Audit, n[Sendmmsg], []uint64{3, ptr, 1, unix.MSG_OOB}, retNotify},
				{"send without a copy", a.Audit, n[Sendto], []uint64{3, ptr, 1, unix.MSG_ZEROCOPY}, retNotify},
				{"send with other flags", a.Audit, n[Sendto], []uint64{3, ptr, 1, unix.MSG_DONTWAIT | unix.MSG_MORE}, retAllow},
				{"recv that discards", a.Audit, n[Recvfrom], []uint64{3, 0, 1, unix.MSG_TRUNC | unix.MSG_DONTWAIT}, retNotify},
				{"recvmsg that discards", a.Audit, n[Recvmsg], []uint64{3, ptr, unix.MSG_TRUNC}, retNotify},
				{"recv", a.Audit, n[Recvfrom], []uint64{3, ptr, unix.MSG_TRUNC, unix.MSG_PEEK}, retAllow},
				{"recvmsg", a.Audit, n[Recvmsg], []uint64{3, ptr, unix.MSG_DONTWAIT, unix.MSG_TRUNC}, retAllow},
				{"another call", a.Audit, 0, nil, retAllow},
				{"io_uring_setup", a.Audit, 425, nil, retNosys},
				{"io_uring_enter", a.Audit, 426, nil, retNosys},
				{"io_uring_register", a.Audit, 427, nil, retNosys},
				{"the call before", a.Audit, 424, nil, retAllow},
				{"the call after", a.Audit, 428, nil, retAllow},
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
	if a.IOUring != unix.SYS_IO_URING_SETUP || a.IOUring+1 != unix.SYS_IO_URING_ENTER ||
		a.IOUring+2 != unix.SYS_IO_URING_REGISTER {
		t.Errorf("io_uring_setup of %s has another number in x/sys: %+v", goarch, a)
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

// TestConnectsByOtherMeans: a call that connects is always seen, whatever its
// name; where the policy judges plain TCP, what the gate cannot judge is not
// there.
func TestConnectsByOtherMeans(t *testing.T) {
	const errno = unix.SECCOMP_RET_ERRNO
	fast := uint64(unix.MSG_FASTOPEN | unix.MSG_NOSIGNAL)
	for name, a := range Architectures {
		judging, err := bpf.NewVM(Program(a, true))
		if err != nil {
			t.Fatal(err)
		}
		lax, err := bpf.NewVM(Program(a, false))
		if err != nil {
			t.Fatal(err)
		}
		n := a.Numbers
		for _, c := range []struct {
			what        string
			number      uint32
			args        []uint64
			lax, judged int
		}{
			{"sendto", n[Sendto], []uint64{3, 1, 1, unix.MSG_NOSIGNAL}, retAllow, retAllow},
			{"sendto with MSG_FASTOPEN", n[Sendto], []uint64{3, 1, 1, fast}, retNotify, retNotify},
			{"sendmsg", n[Sendmsg], []uint64{3, 1, 0}, retAllow, retAllow},
			{"sendmsg with MSG_FASTOPEN", n[Sendmsg], []uint64{3, 1, fast}, retNotify, retNotify},
			{"sendmmsg with MSG_FASTOPEN", n[Sendmmsg], []uint64{3, 1, 1, fast}, retNotify, retNotify},
			{"connect", n[Connect], []uint64{3}, retNotify, retNotify},
			{"socket of TCP", n[Socket], []uint64{2, 1, 6}, retAllow, retAllow},
			{"socket of UDP", n[Socket], []uint64{2, 2, 0}, retAllow, retAllow},
			{"socket of AF_UNIX", n[Socket], []uint64{1, 1, 0}, retAllow, retAllow},
			{"socket of TLS", n[Socket], []uint64{2, 1, abi.ProtocolTLS}, retNotify, retNotify},
			{"socket of TLS by name", n[Socket], []uint64{abi.FamilyHostname, 1, abi.ProtocolTLS}, retNotify, retNotify},
			{"socket of MPTCP", n[Socket], []uint64{2, 1, unix.IPPROTO_MPTCP}, retAllow, errno | int(unix.EPROTONOSUPPORT)},
			{"socket of SMC", n[Socket], []uint64{10, 1, unix.IPPROTO_SMC}, retAllow, errno | int(unix.EPROTONOSUPPORT)},
			{"socket of SCTP", n[Socket], []uint64{10, 1, unix.IPPROTO_SCTP}, retAllow, errno | int(unix.EPROTONOSUPPORT)},
			{"socket of AF_SMC", n[Socket], []uint64{unix.AF_SMC, 1, 0}, retAllow, errno | int(unix.EAFNOSUPPORT)},
			{"socket of AF_RDS", n[Socket], []uint64{unix.AF_RDS, 5, 0}, retAllow, errno | int(unix.EAFNOSUPPORT)},
			{"TCP_ULP", n[Setsockopt], []uint64{3, 6, unix.TCP_ULP}, retNotify, errno | int(unix.ENOENT)},
			{"TCP_NODELAY", n[Setsockopt], []uint64{3, 6, unix.TCP_NODELAY}, retNotify, retNotify},
			{"its number at another level", n[Setsockopt], []uint64{3, 1, unix.TCP_ULP}, retNotify, retNotify},
			{"setsockopt SO_RCVTIMEO", n[Setsockopt], []uint64{3, 1, unix.SO_RCVTIMEO}, retAllow, retAllow},
		} {
			if got := run(t, lax, a.Audit, c.number, c.args...); got != c.lax {
				t.Errorf("%s: %s: filter returns %#x, want %#x", name, c.what, got, c.lax)
			}
			if got := run(t, judging, a.Audit, c.number, c.args...); got != c.judged {
				t.Errorf("%s: %s where plain TCP is judged: filter returns %#x, want %#x", name, c.what, got, c.judged)
			}
		}
	}
}
