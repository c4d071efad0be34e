// Package target looks at a watched program: its memory, its descriptors, its
// identity and rights. Everything it returns is hostile until decoded. It
// changes nothing but memory the program asked to have written.
package target

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// Read copies len(buf) bytes at address of a thread's memory. Memory that is
// not wholly there is EFAULT, as copy_from_user has it.
func Read(thread int, address uint64, buf []byte) error {
	return transfer(thread, address, buf, unix.ProcessVMReadv, (*os.File).ReadAt, os.O_RDONLY)
}

// Write copies buf to address of a thread's memory; EFAULT as for Read.
func Write(thread int, address uint64, buf []byte) error {
	return transfer(thread, address, buf, unix.ProcessVMWritev, (*os.File).WriteAt, os.O_WRONLY)
}

// WriteBoth writes a to one address and b to another, in this order; EFAULT as
// for Read, when a may have been written.
func WriteBoth(thread int, toA uint64, a []byte, toB uint64, b []byte) error {
	if len(a) > 0 && len(b) > 0 && inUserSpace(toA, len(a)) && inUserSpace(toB, len(b)) {
		local := []unix.Iovec{{Base: &a[0]}, {Base: &b[0]}}
		local[0].SetLen(len(a))
		local[1].SetLen(len(b))
		remote := []unix.RemoteIovec{{Base: uintptr(toA), Len: len(a)}, {Base: uintptr(toB), Len: len(b)}}
		if n, err := unix.ProcessVMWritev(thread, local, remote, 0); err == nil && n == len(a)+len(b) {
			return nil
		}
	}
	// One by one shows which of both it is.
	if err := Write(thread, toA, a); err != nil {
		return err
	}
	return Write(thread, toB, b)
}

// inUserSpace reports whether so many bytes at address can be a program's.
func inUserSpace(address uint64, size int) bool {
	return address != 0 && address+uint64(size) >= address && int64(address) >= 0
}

func transfer(thread int, address uint64, buf []byte,
	direct func(int, []unix.Iovec, []unix.RemoteIovec, uint) (int, error),
	at func(*os.File, []byte, int64) (int, error), mode int) error {
	if len(buf) == 0 {
		return nil
	}
	if !inUserSpace(address, len(buf)) {
		return abi.EFAULT
	}
	local := []unix.Iovec{{Base: &buf[0]}}
	local[0].SetLen(len(buf))
	remote := []unix.RemoteIovec{{Base: uintptr(address), Len: len(buf)}}
	n, err := direct(thread, local, remote, 0)
	switch {
	case err == nil && n == len(buf):
		return nil
	case err == nil, errors.Is(err, unix.EFAULT):
		return abi.EFAULT
	case !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM):
		return fmt.Errorf("copying memory of thread %d: %w", thread, err)
	}
	// Some security modules refuse process_vm_readv(2) and allow proc(5)'s mem.
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", thread), mode, 0)
	if err != nil {
		return fmt.Errorf("opening memory of thread %d: %w", thread, err)
	}
	defer mem.Close()
	if n, err := at(mem, buf, int64(address)); err != nil || n != len(buf) {
		return abi.EFAULT
	}
	return nil
}
