package relay

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for many descriptors with one goroutine.
type poller struct {
	file *os.File // of epoll, itself waited for by Go's poller
	raw  syscall.RawConn
	wake func(key uint32)
	done sync.WaitGroup
}

// newPoller returns nil when the kernel gives none.
func newPoller(wake func(key uint32)) *poller {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	_ = unix.SetNonblock(fd, true) // or os.NewFile takes it for a file to block on
	p := &poller{file: os.NewFile(uintptr(fd), "epoll"), wake: wake}
	if p.raw, err = p.file.SyscallConn(); err != nil || p.file.SetReadDeadline(time.Time{}) != nil {
		p.file.Close()
		return nil
	}
	p.done.Go(p.run)
	return p
}

// close waits until wake is not called any more.
func (p *poller) close() {
	if p != nil {
		p.file.Close()
		p.done.Wait()
	}
}

func (p *poller) run() {
	events := make([]unix.EpollEvent, 64)
	for {
		n := 0
		err := p.raw.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil {
			return // closed
		}
		for _, e := range events[:n] {
			p.wake(uint32(e.Fd))
		}
	}
}

// add has wake called, once, when a descriptor can be read or its other end has
// been closed, also if that is so already.
func (p *poller) add(raw syscall.RawConn, key uint32) bool {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(key)}
	return p.control(raw, unix.EPOLL_CTL_ADD, &e)
}

// remove undoes add.
func (p *poller) remove(raw syscall.RawConn) { p.control(raw, unix.EPOLL_CTL_DEL, nil) }

func (p *poller) control(raw syscall.RawConn, op int, e *unix.EpollEvent) bool {
	ok := false
	_ = raw.Control(func(fd uintptr) {
		_ = p.raw.Control(func(epoll uintptr) { ok = unix.EpollCtl(int(epoll), op, int(fd), e) == nil })
	})
	return ok
}
