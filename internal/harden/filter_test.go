package harden

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	retAllow  = unix.SECCOMP_RET_ALLOW
	retEPERM  = unix.SECCOMP_RET_ERRNO | int(unix.EPERM)
	retENOSYS = unix.SECCOMP_RET_ERRNO | int(unix.ENOSYS)
	retKill   = unix.SECCOMP_RET_KILL_PROCESS
)

// judge runs the filter on a struct seccomp_data, whose words x/net's machine
// wants to be big-endian.
func judge(t *testing.T, arch uint32, number int, args ...uint64) int {
	t.Helper()
	vm, err := bpf.NewVM(Filter(4711))
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data, uint32(number))
	binary.BigEndian.PutUint32(data[offArch:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offArgs+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[offArgs+8*i+4:], uint32(a>>32))
	}
	got, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return int(uint32(got))
}

func TestFilter(t *testing.T) {
	const thread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND |
		unix.CLONE_SYSVSEM | unix.CLONE_THREAD
	for _, c := range []struct {
		what   string
		number int
		args   []uint64
		want   int
	}{
		{"read", unix.SYS_READ, nil, retAllow},
		{"futex", unix.SYS_FUTEX, nil, retAllow},
		{"openat for reading", unix.SYS_OPENAT, []uint64{0, 0, unix.O_RDONLY | unix.O_CLOEXEC}, retAllow},
		{"openat for writing", unix.SYS_OPENAT, []uint64{0, 0, unix.O_WRONLY}, retEPERM},
		{"openat that makes a file", unix.SYS_OPENAT, []uint64{0, 0, unix.O_CREAT}, retEPERM},
		{"openat that empties a file", unix.SYS_OPENAT, []uint64{0, 0, unix.O_TRUNC}, retEPERM},
		{"openat of a file without a name", unix.SYS_OPENAT, []uint64{0, 0, unix.O_TMPFILE | unix.O_RDWR}, retEPERM},
		{"mmap", unix.SYS_MMAP, []uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE}, retAllow},
		{"mmap of code", unix.SYS_MMAP, []uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC}, retEPERM},
		{"mprotect to code", unix.SYS_MPROTECT, []uint64{0, 4096, unix.PROT_EXEC}, retEPERM},
		{"socket of TCP", unix.SYS_SOCKET, []uint64{unix.AF_INET6, 1}, retAllow},
		{"socket of netlink", unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, 3}, retEPERM},
		{"socket of packets", unix.SYS_SOCKET, []uint64{unix.AF_PACKET, 3}, retEPERM},
		{"socket, dirty high word", unix.SYS_SOCKET, []uint64{1<<32 | unix.AF_INET, 1}, retAllow},
		{"bind", unix.SYS_BIND, nil, retEPERM},
		{"listen", unix.SYS_LISTEN, nil, retEPERM},
		{"a thread", unix.SYS_CLONE, []uint64{thread}, retAllow},
		{"a process", unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, retEPERM},
		{"a process with our memory", unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_VFORK}, retEPERM},
		{"clone3", unix.SYS_CLONE3, nil, retENOSYS},
		{"a signal to ourselves", unix.SYS_TGKILL, []uint64{4711, 1, 6}, retAllow},
		{"a signal to another", unix.SYS_KILL, []uint64{4712, 9}, retEPERM},
		{"a signal to all", unix.SYS_KILL, []uint64{^uint64(0), 9}, retEPERM},
		{"dumpable again", unix.SYS_PRCTL, []uint64{unix.PR_SET_DUMPABLE, 1}, retEPERM},
		{"our limits", unix.SYS_GETRLIMIT, []uint64{unix.RLIMIT_NOFILE}, retAllow},
		{"limits of another", unix.SYS_PRLIMIT64, []uint64{1}, retEPERM},
		{"another user", unix.SYS_SETUID, nil, retEPERM},
		{"removing a file", unix.SYS_UNLINKAT, nil, retEPERM},
		{"execve", unix.SYS_EXECVE, nil, retKill},
		{"ptrace", unix.SYS_PTRACE, nil, retKill},
		{"process_vm_readv", unix.SYS_PROCESS_VM_READV, nil, retKill},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, nil, retKill},
		{"bpf", unix.SYS_BPF, nil, retKill},
		{"a call that is not known yet", 4000, nil, retEPERM},
		{"a call of x32", 0x40000000 | unix.SYS_READ, nil, retEPERM},
	} {
		if got := judge(t, auditArch, c.number, c.args...); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.what, got, c.want)
		}
	}
	if got := judge(t, unix.AUDIT_ARCH_I386, unix.SYS_READ); got != retKill {
		t.Errorf("a 32-bit call: %#x, want %#x", got, retKill)
	}
}

func TestEveryCallHasOneVerdict(t *testing.T) {
	seen := map[int]string{}
	note := func(number int, list string) {
		if other := seen[number]; other != "" {
			t.Errorf("call %d is in %s and in %s", number, other, list)
		}
		seen[number] = list
	}
	for _, n := range allowed {
		note(n, "allowed")
	}
	for _, n := range forbidden {
		note(n, "forbidden")
	}
	for _, c := range conditional(1) {
		note(c.number, "conditional")
	}
	if code, err := bpf.Assemble(Filter(1)); err != nil || len(code) > 4096 {
		t.Errorf("the filter has %d instructions, the kernel takes 4096; %v", len(code), err)
	}
	if slices.Contains(allowed, unix.SYS_BIND) {
		t.Error("bind is allowed")
	}
}
