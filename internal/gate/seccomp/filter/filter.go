// Package filter builds the seccomp program that decides which system calls
// of a watched program are brought to the gate. It is data in, data out: it
// installs nothing.
package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// Call names a system call that the gate answers.
type Call uint8

// The system calls that the gate answers.
const (
	Socket Call = iota
	Connect
	Bind
	Listen
	Accept
	Accept4
	Getsockname
	Getpeername
	Setsockopt
	Getsockopt
	Shutdown
	Sendto // these three with flags of seenFlags
	Sendmsg
	Sendmmsg
	Recvfrom // these two with MSG_TRUNC, which discards what TCP has received
	Recvmsg
	calls // number of calls
)

var callNames = [calls]string{"socket", "connect", "bind", "listen", "accept", "accept4",
	"getsockname", "getpeername", "setsockopt", "getsockopt", "shutdown", "sendto", "sendmsg",
	"sendmmsg", "recvfrom", "recvmsg"}

func (c Call) String() string { return callNames[c] }

// Arch is what the filter has to know of a processor architecture.
type Arch struct {
	Name    string
	Audit   uint32 // AUDIT_ARCH_*, linux/audit.h
	Numbers [calls]uint32
	// IOUring is io_uring_setup(2), which io_uring_enter and io_uring_register
	// follow: they open and connect sockets unseen, also with a ring that the
	// program was given.
	IOUring uint32
	// Foreign is a bit of the system call number that marks another ABI of
	// the same architecture (x32), 0 when there is none.
	Foreign uint32
}

// Architectures are those the gate runs on.
var Architectures = map[string]Arch{
	"amd64": {
		Name: "amd64", Audit: unix.AUDIT_ARCH_X86_64, IOUring: 425, Foreign: 0x40000000,
		Numbers: [calls]uint32{Socket: 41, Connect: 42, Bind: 49, Listen: 50, Accept: 43, Accept4: 288,
			Getsockname: 51, Getpeername: 52, Setsockopt: 54, Getsockopt: 55, Shutdown: 48, Sendto: 44,
			Sendmsg: 46, Sendmmsg: 307, Recvfrom: 45, Recvmsg: 47},
	},
	"arm64": {
		Name: "arm64", Audit: unix.AUDIT_ARCH_AARCH64, IOUring: 425,
		Numbers: [calls]uint32{Socket: 198, Connect: 203, Bind: 200, Listen: 201, Accept: 202,
			Accept4:     242,
			Getsockname: 204, Getpeername: 205, Setsockopt: 208, Getsockopt: 209, Shutdown: 210,
			Sendto: 206, Sendmsg: 211, Sendmmsg: 269, Recvfrom: 207, Recvmsg: 212},
	},
}

// Lookup finds the call with a system call number of the architecture.
func (a Arch) Lookup(number uint32) (Call, bool) {
	for c, n := range a.Numbers {
		if n == number {
			return Call(c), true
		}
	}
	return 0, false
}

// ForGOARCH returns the architecture with Go's name for it.
func ForGOARCH(goarch string) (Arch, error) {
	a, ok := Architectures[goarch]
	if !ok {
		return Arch{}, fmt.Errorf("the seccomp gate does not know the architecture %s (it knows amd64 and arm64)", goarch)
	}
	return a, nil
}

// nativeSocketOptions are options of level SOL_SOCKET that the program's own
// descriptor answers as a TCP socket would, so that they need not be seen.
var nativeSocketOptions = []uint32{
	unix.SO_TYPE, unix.SO_ACCEPTCONN, unix.SO_RCVTIMEO, unix.SO_SNDTIMEO,
	unix.SO_RCVTIMEO_NEW, unix.SO_SNDTIMEO_NEW,
}

// Offsets in struct seccomp_data, linux/seccomp.h; arguments little-endian.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

func argLow(i int) bpf.Instruction { return bpf.LoadAbsolute{Off: uint32(offArgs + 8*i), Size: 4} }
func argHigh(i int) bpf.Instruction {
	return bpf.LoadAbsolute{Off: uint32(offArgs + 8*i + 4),
		Size: 4}
}

var (
	allow  = bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	notify = bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF}
)

func refuse(errno unix.Errno) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}

// Program returns the filter for an architecture. Calls of any other
// architecture or ABI, and io_uring, get ENOSYS, since they would go
// round the gate. With judge the policy has something to say of plain TCP:
// then there are no sockets that make TCP connections in another way than by
// connect(2) on a TCP socket.
func Program(a Arch, judge bool) []bpf.Instruction {
	p := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: a.Audit, SkipTrue: 1},
		refuse(unix.ENOSYS),
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
	}
	if a.Foreign != 0 {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: a.Foreign, SkipTrue: 1},
			refuse(unix.ENOSYS))
	}
	p = append(p, bpf.JumpIf{Cond: bpf.JumpLessThan, Val: a.IOUring, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: a.IOUring + 2, SkipTrue: 1}, refuse(unix.ENOSYS))
	for c, number := range a.Numbers {
		body := callBody(Call(c))
		if judge {
			body = append(judged(Call(c)), body...)
		}
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: number, SkipTrue: uint8(len(body))})
		p = append(p, body...)
	}
	return append(p, allow)
}

// Sockets whose bytes go over TCP, though they are none.
var (
	// SCTP connects by options, too
	overTCPProtocols = []uint32{unix.IPPROTO_MPTCP, unix.IPPROTO_SMC, unix.IPPROTO_SCTP}
	overTCPFamilies  = []uint32{unix.AF_SMC, unix.AF_RDS}
)

// judged refuses what the gate could not judge, as kernels do that are built
// without it; of other calls it leaves the decision to what follows.
func judged(c Call) (body []bpf.Instruction) {
	switch c {
	case Socket:
		n := len(overTCPProtocols) + len(overTCPFamilies)
		body = append(body, argLow(2), bpf.JumpIf{Cond: bpf.JumpEqual, Val: abi.ProtocolTLS,
			SkipTrue: uint8(n + 4)})
		for i, protocol := range overTCPProtocols {
			body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocol, SkipTrue: uint8(n - i + 1)})
		}
		body = append(body, argLow(0))
		for i, family := range overTCPFamilies {
			body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: family,
				SkipTrue: uint8(len(overTCPFamilies) - i + 1)})
		}
		return append(body, bpf.Jump{Skip: 2}, refuse(unix.EPROTONOSUPPORT), refuse(unix.EAFNOSUPPORT))
	case Setsockopt:
		// An upper layer protocol may make another socket of a TCP socket.
		return []bpf.Instruction{
			argLow(1), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: 3},
			argLow(2), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.TCP_ULP, SkipTrue: 1},
			refuse(unix.ENOENT),
		}
	}
	return nil
}

// seenFlags are those of sending that a local stream does not treat as TCP does,
// or that connect.
const seenFlags = unix.MSG_FASTOPEN | unix.MSG_OOB | unix.MSG_ZEROCOPY

// FlagsArg says which argument of a call that sends or receives has the flags.
func (c Call) FlagsArg() int {
	if c == Sendmsg || c == Recvmsg {
		return 2
	}
	return 3
}

// callBody decides about one call; every path returns.
func callBody(c Call) []bpf.Instruction {
	switch c {
	case Socket:
		return []bpf.Instruction{
			argLow(2),
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: abi.ProtocolTLS, SkipTrue: 1},
			allow,
			notify,
		}
	case Accept, Accept4:
		return []bpf.Instruction{
			argLow(1),
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
			argHigh(1),
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
			allow,
			notify,
		}
	case Sendto, Sendmsg, Sendmmsg, Recvfrom, Recvmsg:
		seen := uint32(seenFlags)
		if c == Recvfrom || c == Recvmsg {
			seen = unix.MSG_TRUNC
		}
		return []bpf.Instruction{
			argLow(c.FlagsArg()), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: seen, SkipTrue: 1}, allow, notify,
		}
	case Setsockopt, Getsockopt:
		n := len(nativeSocketOptions)
		body := []bpf.Instruction{
			argLow(1),
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SOL_SOCKET, SkipTrue: uint8(n + 1)},
			argLow(2),
		}
		for i, option := range nativeSocketOptions {
			body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: option, SkipTrue: uint8(n - i)})
		}
		return append(body, notify, allow)
	default:
		return []bpf.Instruction{notify}
	}
}
