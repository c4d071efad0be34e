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

func transfer(thread int, address uint64, buf []byte,
	direct func(int, []unix.Iovec, []unix.RemoteIovec, uint) (int, error),
	at func(*os.File, []byte, int64) (int, error), mode int) error {
	if len(buf) == 0 {
		return nil
	}
	if address == 0 || address+uint64(len(buf)) < address || int64(address) < 0 {
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
