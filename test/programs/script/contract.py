"""What the programs of the tests in test/contract have in common."""
import ctypes
import errno
import os
import select
import socket
import struct
import sys
import time

args = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
TCP_UPGRADE_TLS = 33
NAME, HOSTNAME, ROOTS, CHAIN, KEY, ALPN, TTL = 85, 86, 87, 88, 89, 90, 91
IDENTITY, AUTH, ID, TRUSTED, CHOSEN, ERROR = 93, 94, 96, 97, 98, 100
CONTEXT, REUSE, RESUMED, VERSION_MIN, VERSION_MAX, VERSION = 107, 108, 109, 111, 112, 113


def say(*words):
    print(*words, flush=True)


def attempt(call, *values):
    """The result of a call: a value, 0 for none, or the errno's name."""
    try:
        got = call(*values)
    except OSError as e:
        return errno.errorcode[e.errno]
    return 0 if got is None else got


def tls(family=socket.AF_INET, proto=205):
    return socket.socket(family, socket.SOCK_STREAM, proto)


def put(s, option, value):
    """Sets a TLS option: text, an int or bytes."""
    return attempt(s.setsockopt, 205, option, value.encode() if isinstance(value, str) else value)


def number(s, option):
    return attempt(s.getsockopt, 205, option)


def text(s, option):
    buf, size = ctypes.create_string_buffer(16384), ctypes.c_uint32(16384)  # more than Python's own getsockopt takes
    if libc.getsockopt(s.fileno(), 205, option, buf, ctypes.byref(size)) < 0:
        return errno.errorcode[ctypes.get_errno()]
    return buf.value.decode()


def identify(s, chain, key):
    for option, path in (CHAIN, chain), (KEY, key):
        if (got := put(s, option, path)) != 0:
            sys.exit(f"option {option}: {got} {text(s, ERROR)}")


def listen(s, host="127.0.0.1"):
    s.bind((host, 0))
    s.listen(16)
    say("@port", s.getsockname()[1])
    return s


def settings(s, words):
    """Sets options given as number=text or number=#int, and says how."""
    for word in words:
        option, value = word.split("=", 1)
        say(option, put(s, int(option), int(value[1:], 0) if value[:1] == "#" else value))


def connect(s, port, host="127.0.0.1"):
    got = attempt(s.connect, (host, int(port)))
    say("connect", got, *([text(s, ERROR)] if got else []))
    return got == 0


def connect_name(s, name, port):
    """connect(2) with a struct sockaddr_host."""
    address = struct.pack("=H", 43) + struct.pack("!H", int(port)) + name.encode() + b"\0"
    if libc.connect(s.fileno(), address, len(address)) < 0:
        return errno.errorcode[ctypes.get_errno()]
    return 0


def wait():
    """Waits for the test."""
    sys.stdin.readline()
