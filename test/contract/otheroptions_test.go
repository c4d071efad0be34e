//go:build linux

package contract

import "testing"

// TestIntLengths: an int may be given with more bytes than it has, as to TCP;
// the session's time, a long of the prototype, is returned to who has room.
func TestIntLengths(t *testing.T) {
	p := python(t, "", `
s = tls()
for option, value in (TTL, 60), (VERSION_MIN, 0x304), (REUSE, 1):
    for size in 3, 4, 5, 8, 16:
        say(option, size, put(s, option, value.to_bytes(16, "little")[:size]), number(s, option))
for size in 3, 4, 7, 8, 9:
    say("time", size, attempt(s.getsockopt, 205, TTL, size))
say("version", attempt(s.getsockopt, 205, VERSION_MIN, 8))
`)
	var want []string
	for _, o := range []struct{ before, number, value string }{{"86400", "91", "60"},
		{"771", "111", "772"}, {"1", "108", "1"}} {
		want = append(want, o.number+" 3 EINVAL "+o.before)
		for _, size := range []string{"4", "5", "8", "16"} {
			want = append(want, o.number+" "+size+" 0 "+o.value)
		}
	}
	want = append(want, "time 3 ERANGE", `time 4 b'<\x00\x00\x00'`, `time 7 b'<\x00\x00\x00'`,
		`time 8 b'<\x00\x00\x00\x00\x00\x00\x00'`,
		`time 9 b'<\x00\x00\x00\x00\x00\x00\x00'`, `version b'\x04\x03\x00\x00'`)
	wantTranscript(t, p, want...)
}

// TestOptionsThatReachNothing: what the kernel would take for addresses or
// descriptors of ours, and what a TLS socket cannot do, is refused, with a
// sentence; the socket works on.
func TestOptionsThatReachNothing(t *testing.T) {
	p := python(t, "", `
junk = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 1, 8), 64)
for level, options in (1, (26, 50, 51, 52, 29, 35, 37, 60, 63, 64, 65, 42)), (6, (31, 36, 19)), (0, (64, 65, 96, 128)), (41, (64, 65, 80)), (282, (1,)), (1000, (1,)):
    for option in options:
        s = tls()
        got = libc.setsockopt(s.fileno(), level, option, junk, 16)
        why = ctypes.get_errno()
        say(level, option, 0 if not got else "EOPNOTSUPP" if why == errno.EOPNOTSUPP else errno.errorcode[why], len(text(s, ERROR)) > 10, number(s, VERSION_MAX))
        s.close()
s = tls()
say("level", attempt(s.getsockopt, 282, 1) in ("EOPNOTSUPP", "ENOTSUP"))
say("tclass", attempt(tls(socket.AF_INET6).setsockopt, 41, 66, 1))
`)
	var want []string
	for _, option := range []string{"1 26", "1 50", "1 51", "1 52", "1 29", "1 35", "1 37", "1 60",
		"1 63", "1 64", "1 65", "1 42",
		"6 31", "6 36", "6 19", "0 64", "0 65", "0 96", "0 128", "41 64", "41 65", "41 80"} {
		want = append(want, option+" EOPNOTSUPP True 772")
	}
	want = append(want, "282 1 ENOPROTOOPT True 772", "1000 1 ENOPROTOOPT True 772",
		"level True", "tclass 0")
	wantTranscript(t, p, want...)
}
