package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/sys"
)

// kernelArea is about what the service and the gate use of the kernel, and what
// they could use.
func kernelArea() area {
	return area{"the kernel", []probe{
		{"processes by descriptor (pidfd_open)", "5.3", true, pidfdOpen},
		{"sockets by inode (sock_diag)", "3.3", false, sockDiag},
		{"AF_UNIX sockets with records (SOCK_SEQPACKET)", "2.6", false, seqpacket},
		{"sealed memory files (memfd_create)", "3.17", false, memfd},
		{"Landlock", "5.13", false, landlock},
		{"TLS in the kernel (kTLS)", "4.13", false, kernelTLS},
		{"io_uring", "5.1", false, ioUring},
		{"BPF for a gate without a wrapper", "6.6", false, bpfGate},
	}, nil}
}

func pidfdOpen(context.Context) outcome {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fails(err.Error(), "a kernel of Linux 5.3 or later")
	}
	unix.Close(fd)
	return works("")
}

func sockDiag(context.Context) outcome {
	const slower = "nothing: /proc/net/unix is read instead, which is slower with thousands of sockets"
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fails(err.Error(), "")
	}
	one, other := sys.Own(pair[0]), sys.Own(pair[1])
	defer one.Close()
	defer other.Close()
	diag, err := sys.OpenDiag()
	if err != nil {
		return fails(err.Error(), slower)
	}
	defer diag.Close()
	a, err := one.SocketInode()
	if err != nil {
		return fails(err.Error(), "")
	}
	b, err := other.SocketInode()
	if err != nil {
		return fails(err.Error(), "")
	}
	if peer, err := diag.Peer(a); err != nil || peer != b {
		return fails(fmt.Sprintf("asked for the peer of a socket: %d, %v", peer, err), slower)
	}
	return works("")
}

func seqpacket(context.Context) outcome {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fails(err.Error(), "")
	}
	unix.Close(pair[0])
	unix.Close(pair[1])
	return works("")
}

func memfd(context.Context) outcome {
	fd, err := unix.MemfdCreate("ssa-doctor", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fails(err.Error(), "")
	}
	defer unix.Close(fd)
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
		unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		return fails("sealing: "+err.Error(), "")
	}
	return works("")
}

func landlock(context.Context) outcome {
	abi, err := sys.LandlockABI()
	switch {
	case err == nil:
		return works(fmt.Sprintf("version %d of its interface", abi))
	case errors.Is(err, unix.ENOSYS):
		return fails("this kernel is built without it", "nothing: the service then has only its other protections")
	case errors.Is(err, unix.EOPNOTSUPP):
		return fails("it is switched off at boot", "add landlock to the lsm= parameter of the kernel")
	case errors.Is(err, unix.EPERM):
		return fails("this environment does not allow it", "allow the landlock system calls in the container's seccomp profile; the service otherwise has only its other protections")
	}
	return fails(err.Error(), "")
}

// kernelTLS asks for the TLS upper layer on a connection of our own.
func kernelTLS(context.Context) outcome {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return unknown("no loopback connection: "+err.Error(), "")
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return unknown("no loopback connection: "+err.Error(), "")
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return unknown(err.Error(), "")
	}
	var refused error
	err = raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP,
			unix.TCP_ULP, "tls")
	})
	switch err := errors.Join(err, refused); {
	case err == nil:
		return note("there, and not used", "")
	case errors.Is(err, unix.ENOENT):
		return note("not there, and not used: the module tls is not loaded or not built", "")
	default:
		return note("not there, and not used: "+err.Error(), "")
	}
}

// ioUring calls io_uring_setup without its structure: EFAULT says that it would
// have looked at it.
func ioUring(context.Context) outcome {
	_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
	if errno == unix.EFAULT {
		return note("there; programs under ssa run do not have it, since it would go round the gate", "")
	}
	return note("not there: "+errno.Error(), "")
}

// bpfGate looks for what a gate for the whole machine would need.
func bpfGate(context.Context) outcome {
	var missing []string
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		missing = append(missing, "no type information of the kernel (/sys/kernel/btf/vmlinux)")
	}
	if !hasKernelFunction("update_socket_protocol") {
		missing = append(missing, "the kernel does not list the function update_socket_protocol")
	}
	if len(missing) > 0 {
		return note("not used yet, and would not work: "+strings.Join(missing, "; "), "")
	}
	return note("not used yet; what can be seen of it is there", "")
}

func hasKernelFunction(name string) bool {
	symbols, err := os.ReadFile("/proc/kallsyms")
	return err == nil && strings.Contains(string(symbols), " "+name+"\n")
}
