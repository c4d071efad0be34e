//go:build linux

package seccomp_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// Of linux/userfaultfd.h.
const (
	uffdAPI      = 0xc018aa3f
	uffdRegister = 0xc020aa00
	uffdMissing  = 1
)

func openUserfaultfd() (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	api := [3]uint64{0xaa}
	if err := ioctl(int(n), uffdAPI, unsafe.Pointer(&api)); err != nil {
		return -1, err
	}
	return int(n), nil
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// slowMemory maps a page that does not come. held waits until it has been asked
// for.
func slowMemory(kind string) (page []byte, held func() error, err error) {
	size := os.Getpagesize()
	if kind != "userfaultfd" {
		file, err := os.Open(fmt.Sprint(kind, os.Getpid()))
		if err != nil {
			return nil, nil, err
		}
		page, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
		return page, func() error { return nil }, err
	}
	uffd, err := openUserfaultfd()
	if err != nil {
		return nil, nil, fmt.Errorf("userfaultfd: %w", err)
	}
	page, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, nil, err
	}
	register := [4]uint64{uint64(uintptr(unsafe.Pointer(&page[0]))), uint64(size), uffdMissing}
	if err := ioctl(uffd, uffdRegister, unsafe.Pointer(&register)); err != nil {
		return nil, nil, fmt.Errorf("registering memory with userfaultfd: %w", err)
	}
	return page, func() error {
		_, err := unix.Read(uffd, make([]byte, 32))
		return err
	}, nil
}

// setFrom sets an option from memory without touching it.
func setFrom(fd int, memory []byte) {
	_, _, _ = unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), tls, uintptr(abi.RemoteHostname),
		uintptr(unsafe.Pointer(unsafe.SliceData(memory))), 8, 0)
}

// Of linux/fuse.h.
const (
	fuseLookup, fuseGetattr, fuseOpen, fuseRead, fuseInit = 1, 3, 14, 15, 26
	fuseRequest, fuseReply                                = 40, 16 // sizes of the headers
)

// fuseAttr is a struct fuse_attr: a folder, and the file in it.
func fuseAttr(inode uint64) []byte {
	b := make([]byte, 88)
	mode, size := uint32(unix.S_IFDIR|0o755), uint64(0)
	if inode != 1 {
		mode, size = unix.S_IFREG|0o444, uint64(os.Getpagesize())
	}
	binary.NativeEndian.PutUint64(b, inode)
	binary.NativeEndian.PutUint64(b[8:], size)
	binary.NativeEndian.PutUint32(b[60:], mode)
	binary.NativeEndian.PutUint32(b[64:], 1)
	return b
}

// serveFUSE answers for a folder with files of any names, each a new one, whose
// content never comes.
func serveFUSE(fd int) {
	request, next := make([]byte, 64<<10), uint64(1)
	for {
		n, err := unix.Read(fd, request)
		if err == unix.EINTR || err == unix.ENOENT {
			continue
		}
		if err != nil || n < fuseRequest {
			return // unmounted
		}
		code, inode := binary.NativeEndian.Uint32(request[4:]), binary.NativeEndian.Uint64(request[16:])
		var body []byte
		errno := int32(0)
		switch code {
		case fuseInit:
			body = make([]byte, 64)
			binary.NativeEndian.PutUint32(body, 7)
			binary.NativeEndian.PutUint32(body[4:], 31)
			binary.NativeEndian.PutUint32(body[20:], 4096)
		case fuseLookup:
			next++
			body = append(make([]byte, 40), fuseAttr(next)...)
			binary.NativeEndian.PutUint64(body, next)
		case fuseGetattr:
			body = append(make([]byte, 16), fuseAttr(inode)...)
		case fuseOpen:
			body = make([]byte, 16)
		case fuseRead:
			continue
		default:
			errno = -int32(unix.ENOSYS)
		}
		reply := binary.NativeEndian.AppendUint32(nil, uint32(fuseReply+len(body)))
		reply = binary.NativeEndian.AppendUint32(reply, uint32(errno))
		reply = append(append(reply, request[8:16]...), body...)
		_, _ = unix.Write(fd, reply)
	}
}
