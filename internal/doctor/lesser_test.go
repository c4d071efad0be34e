package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/internal/harden"
	"github.com/secure-socket-api/ssa/internal/sys"
)

// lesserEnv makes this test binary a doctor in a lesser world.
const lesserEnv = "SSA_DOCTOR_LESSER"

// denial makes one system call fail, when an argument (0: any) has these bits.
type denial struct {
	call     uint32
	argument uint32
	bits     uint32
	errno    unix.Errno
}

// worlds are what kernels and containers lack, and what is found then.
var worlds = map[string]struct {
	denials []denial
	fails   string // features, in order
	says    string
}{
	"a container's profile": {
		[]denial{{unix.SYS_PIDFD_GETFD, 0, 0, unix.EPERM}, {unix.SYS_PROCESS_VM_READV, 0, 0, unix.EPERM}},
		"getfd", "in a container, allow the system calls pidfd_getfd",
	},
	"Linux 5.10": {
		[]denial{{unix.SYS_SECCOMP, 1, unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, unix.EINVAL},
			{unix.SYS_IOCTL, 1, unix.SECCOMP_IOCTL_NOTIF_ADDFD, unix.EINVAL}, {unix.SYS_IOCTL, 1, unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.EINVAL}},
		"notification addfd killable wake", "Linux 5.14 or later",
	},
	"no filters": {
		[]denial{{unix.SYS_SECCOMP, 1, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, unix.EPERM}},
		"notification", "allow the seccomp system call",
	},
}

// deny is a filter that lets everything happen but the denials.
func deny(denials []denial) []bpf.Instruction {
	load := func(offset uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: offset, Size: 4} }
	var p []bpf.Instruction
	for _, d := range denials {
		p = append(p, load(0), bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: d.call, SkipTrue: 4})
		condition := bpf.JumpIf{Cond: bpf.JumpEqual, Val: d.bits, SkipFalse: 1}
		switch {
		case d.bits == 0:
			condition = bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: d.call, SkipTrue: 1} // always denied
			p = append(p, load(0), condition)
		case d.call == unix.SYS_SECCOMP:
			condition = bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: d.bits, SkipTrue: 1}
			fallthrough
		default:
			p = append(p, load(16+8*d.argument), condition)
		}
		p = append(p, bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(d.errno)}, load(0))
	}
	return append(p, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
}

// lesser is the child: it writes what the trial finds.
func lesser(out io.Writer, world string) error {
	code, err := bpf.Assemble(deny(worlds[world].denials))
	if err == nil {
		err = sys.SeccompProcess(code)
	}
	if err != nil {
		return err
	}
	if err := os.Setenv(lesserEnv, ""); err != nil {
		return err
	}
	if err := os.Setenv(subjectEnv, "1"); err != nil {
		return err
	}
	g := &gateProbes{cfg: Config{Subject: []string{"/proc/self/exe"}}}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, p := range []struct {
		name string
		probe
	}{{"notification", probe{try: g.notification}}, {"addfd", probe{try: g.addfd}},
		{"getfd", probe{try: g.getfd}},
		{"memory", probe{try: g.memory}}, {"killable", probe{try: g.killable}},
		{"wake", probe{try: g.wake}}} {
		o := p.try(ctx)
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", p.name, o.state, o.why, o.do)
	}
	return nil
}

func TestLesserWorlds(t *testing.T) {
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			out, err := inLesserWorld(name)
			if err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
			var failing []string
			for line := range strings.Lines(out) {
				fields := strings.Split(line, "\t")
				if fields[1] == string(Fails) {
					failing = append(failing, fields[0])
				}
			}
			if want := strings.Fields(world.fails); !slices.Equal(failing, want) ||
				!strings.Contains(out, world.says) {
				t.Errorf("%q do not work, want %q and the words %q:\n%s", failing, want, world.says, out)
			}
		})
	}
}

// inLesserWorld runs the child, which may not gain rights: filters need that.
func inLesserWorld(world string) (string, error) {
	type result struct {
		out []byte
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // no_new_privs is the thread's, which ends with this goroutine
		if err := harden.NoNewPrivileges(); err != nil {
			done <- result{nil, err}
			return
		}
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), lesserEnv+"="+world)
		out, err := cmd.CombinedOutput()
		done <- result{out, err}
	}()
	r := <-done
	var exit *exec.ExitError
	if errors.As(r.err, &exit) {
		return string(r.out), fmt.Errorf("the child: %w", exit)
	}
	return string(r.out), r.err
}
