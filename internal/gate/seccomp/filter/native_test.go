package filter

import (
	"runtime"

	"golang.org/x/sys/unix"
)

const goarch = runtime.GOARCH

var native = [calls]uint32{
	Socket: unix.SYS_SOCKET, Connect: unix.SYS_CONNECT, Bind: unix.SYS_BIND, Listen: unix.SYS_LISTEN,
	Accept: unix.SYS_ACCEPT, Accept4: unix.SYS_ACCEPT4, Getsockname: unix.SYS_GETSOCKNAME,
	Getpeername: unix.SYS_GETPEERNAME, Setsockopt: unix.SYS_SETSOCKOPT,
	Getsockopt: unix.SYS_GETSOCKOPT,
	Shutdown:   unix.SYS_SHUTDOWN, Sendto: unix.SYS_SENDTO, Sendmsg: unix.SYS_SENDMSG,
	Sendmmsg: unix.SYS_SENDMMSG,
	Recvfrom: unix.SYS_RECVFROM, Recvmsg: unix.SYS_RECVMSG,
}
