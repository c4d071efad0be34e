package socket

import (
	"golang.org/x/sys/unix"

	"github.com/secure-socket-api/ssa/abi"
)

// Levels of the options that a TCP socket has. Any other is ENOPROTOOPT, as
// TCP says.
func tcpLevel(level int) bool {
	switch level {
	case unix.SOL_SOCKET, unix.IPPROTO_TCP, unix.IPPROTO_IP, unix.IPPROTO_IPV6:
		return true
	}
	return false
}

func noLevel(level int) error {
	return fail(abi.ENOPROTOOPT, "a TLS socket has no options of level %d", level)
}

type otherOption struct{ level, name int }

// Why an option of another level is not passed on to the real socket.
const (
	// The kernel would take the value for an address in our memory, or for the
	// number of a descriptor of ours.
	pointsAtUs = "its value is a pointer or a descriptor, which means nothing outside of the program"
	// What the option brings comes as a control message of recvmsg, or changes
	// what the bytes on the wire are.
	notCarried = "a TLS socket cannot do what it asks for"
)

var refusedOptions = map[otherOption]string{
	{unix.SOL_SOCKET, unix.SO_ATTACH_FILTER}:         pointsAtUs,
	{unix.SOL_SOCKET, unix.SO_ATTACH_BPF}:            pointsAtUs,
	{unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF}: pointsAtUs,
	{unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF}: pointsAtUs,
	{unix.SOL_SOCKET, unix.SO_ZEROCOPY}:              notCarried,
	{unix.SOL_SOCKET, unix.SO_PEEK_OFF}:              notCarried,
	{unix.SOL_SOCKET, unix.SO_TIMESTAMP_OLD}:         notCarried,
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_OLD}:       notCarried,
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPING_OLD}:      notCarried,
	{unix.SOL_SOCKET, unix.SO_TIMESTAMP_NEW}:         notCarried,
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW}:       notCarried,
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPING_NEW}:      notCarried,
	{unix.IPPROTO_TCP, unix.TCP_ULP}:                 notCarried,
	{unix.IPPROTO_TCP, unix.TCP_INQ}:                 notCarried,
	{unix.IPPROTO_TCP, unix.TCP_ZEROCOPY_RECEIVE}:    notCarried,
	{unix.IPPROTO_TCP, unix.TCP_REPAIR}:              notCarried,
}

// Options of netfilter at the levels of IP begin at these numbers; some have
// pointers to counters inside, which the kernel writes. Those of IPv6 itself
// go on behind them.
const (
	firstNetfilter  = 64 // IPT_BASE_CTL, IP6T_BASE_CTL
	lastNetfilter6  = 65
	firstBeyondIPv6 = 80
)

// refusal says why an option of another level cannot be set, nil when the real
// socket may judge it.
func refusal(level, name int) error {
	if !tcpLevel(level) {
		return noLevel(level)
	}
	why := refusedOptions[otherOption{level, name}]
	switch {
	case level == unix.IPPROTO_IP && name >= firstNetfilter,
		level == unix.IPPROTO_IPV6 &&
			(name >= firstNetfilter && name <= lastNetfilter6 || name >= firstBeyondIPv6):
		why = pointsAtUs
	}
	if why == "" {
		return nil
	}
	return fail(abi.EOPNOTSUPP, "option %d of level %d: %s", name, level, why)
}
