package harden

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// victims are what children of the tests do, by name.
var victims = map[string]func(string) error{
	"cores": func(string) error {
		if err := NoCoreDumps(); err != nil {
			return err
		}
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 ||
			limit.Max != 0 {
			return fmt.Errorf("the limit is %v, %v", limit, err)
		}
		return nil
	},
	"filter": filtered,
	"exec": func(string) error {
		if err := errors.Join(onThread(NoNewPrivileges), NotDumpable()); err != nil {
			return err
		}
		if err := installFilter(); err != nil {
			return err
		}
		return fmt.Errorf("still here: %w", unix.Exec("/bin/true", []string{"true"}, nil))
	},
	"undumpable": func(string) error {
		var b [1]byte
		fmt.Print("before")
		if _, err := os.Stdin.Read(b[:]); err != nil {
			return err
		}
		if err := NotDumpable(); err != nil {
			return err
		}
		fmt.Print("after!")
		_, err := os.Stdin.Read(b[:])
		return err
	},
	"read-memory": func(pid string) error {
		f, err := os.Open("/proc/" + pid + "/mem")
		if err != nil {
			return err
		}
		return f.Close()
	},
	"memory": func(string) error {
		// Of LockMemory, what is left once the limit is known to be infinite:
		// root is not always allowed to raise it, and CAP_IPC_LOCK does as well.
		if err := lockAll(); err != nil {
			return err
		}
		for range 20 { // memory that the runtime gives back, and takes again
			_ = make([]byte, 32<<20)
			runtime.GC()
		}
		status, err := os.ReadFile("/proc/self/status")
		if err != nil || strings.Contains(string(status), "VmLck:\t       0 kB") {
			return fmt.Errorf("nothing is locked, %v:\n%s", err, status)
		}
		return nil
	},
	"memory-limited": func(string) error {
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK,
			&unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}); err != nil {
			return err
		}
		if err := LockMemory(); err == nil {
			return errors.New("with a finite limit memory was locked: later allocations would fail")
		}
		return nil
	},
	"confined": confined,
	"heir": func(string) error {
		return onThread(func() error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var data [2]unix.CapUserData
			if err := unix.Capget(&header, &data[0]); err != nil {
				return err
			}
			data[0].Inheritable = 1 << unix.CAP_KILL
			if err := unix.Capset(&header, &data[0]); err != nil {
				return err
			}
			if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_KILL, 0,
				0); err != nil {
				return err
			}
			if err := NoInheritance(); err != nil {
				return err
			}
			cmd := exec.Command("/proc/self/exe", "-test.run=^$")
			cmd.Env = []string{victimEnv + "=without"}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			out, err := cmd.CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	},
	"without": func(string) error { return NoCapabilities() },
}

// installFilter does what a process started by the monitor finds done: all its
// threads have no_new_privs.
func installFilter() error {
	runtime.LockOSThread() // the flag is the calling thread's; TSYNC gives it to all
	defer runtime.UnlockOSThread()
	if err := NoNewPrivileges(); err != nil {
		return err
	}
	return FilterCalls()
}

// filtered tries what the filter denies, and that TLS still works.
func filtered(string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	file, err := os.CreateTemp("", "ssa-harden-")
	if err != nil {
		return err
	}
	defer file.Close()
	os.Remove(file.Name())
	if err := installFilter(); err != nil {
		return err
	}
	_, create := os.Create("/tmp/ssa-harden-created")
	_, listen := net.Listen("tcp", "127.0.0.1:0")
	_, netlink := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)
	_, code := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	return errors.Join(
		mustFail("making a file", create, unix.EPERM),
		mustFail("listening", listen, unix.EPERM),
		mustFail("a netlink socket", netlink, unix.EPERM),
		mustFail("memory for code", code, unix.EPERM),
		mustFail("signalling the parent", unix.Kill(unix.Getppid(), 0), unix.EPERM),
		mustFail("becoming dumpable", unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0), unix.EPERM),
		mustFail("removing a file", os.Remove("/tmp/ssa-harden-none"), unix.EPERM),
		threads(), handshake(listener))
}

// threads makes the runtime start many threads, collect garbage and set timers.
func threads() error {
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			runtime.LockOSThread()
			_ = make([]byte, 1<<20)
			time.Sleep(time.Millisecond)
		})
	}
	all.Wait()
	runtime.GC()
	return nil
}

// handshake begins a TLS connection, which ends in an alert: the server has no
// certificate. It needs all that one which succeeds needs.
func handshake(listener net.Listener) error {
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			defer conn.Close()
			err = tls.Server(conn,
				&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
					return nil,
						io.EOF
				}}).Handshake()
		}
		served <- err
	}()
	_, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: "a.example"})
	if err == nil || !strings.Contains(err.Error(), "remote error: tls: internal error") {
		return fmt.Errorf("a handshake with a server that has no certificate: %v", err)
	}
	if err := <-served; !errors.Is(err, io.EOF) {
		return fmt.Errorf("serving a handshake: %w", err)
	}
	return nil
}
