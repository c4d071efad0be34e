"""Asks PostgreSQL for TLS on a plain connection, upgrades that, and prints
what the server says of it: client.py port blocking|nonblocking|epoll|wrong-name
"""
import errno
import select
import socket
import struct
import sys

IPPROTO_TLS, TCP_UPGRADE_TLS, TLS_CHOSEN_CIPHER, TLS_ERROR = 205, 33, 98, 100
port, mode = int(sys.argv[1]), sys.argv[2]
name = b"other.example" if mode == "wrong-name" else b"localhost"

s = socket.create_connection(("127.0.0.1", port))
s.sendall(struct.pack("!ii", 8, 80877103))  # SSLRequest
assert s.recv(1) == b"S", "the server does not do TLS"

# The set and the descriptor's place in it are older than the TLS socket.
events = select.epoll()
events.register(s, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
events.poll(0)


def wait(mask):
    """Waits for an event in the way that the mode says."""
    if mode == "epoll":
        while not any(fd == s.fileno() and event & mask for fd, event in events.poll(30)):
            pass
    else:
        p = select.poll()
        p.register(s, mask)
        assert p.poll(30000), "nothing happens"


def upgrade():
    try:
        s.setsockopt(socket.IPPROTO_TCP, TCP_UPGRADE_TLS, name)
    except BlockingIOError as e:
        assert e.errno == errno.EINPROGRESS, e
        assert not s.getblocking()
        print("in progress")
        wait(select.EPOLLOUT)
        if code := s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, errno.errorcode[code])


def read(n):
    data = b""
    while len(data) < n:
        try:
            more = s.recv(n - len(data))
        except BlockingIOError:
            wait(select.EPOLLIN)
            continue
        assert more, "the server has ended"
        data += more
    return data


def message():
    kind, size = struct.unpack("!ci", read(5))
    return kind, read(size - 4)


if mode in ("nonblocking", "epoll"):
    s.setblocking(False)
number = s.fileno()
try:
    upgrade()
except OSError as e:
    why = s.getsockopt(IPPROTO_TLS, TLS_ERROR, 1024).rstrip(b"\0").decode()
    print("refused:", errno.errorcode[e.errno], why)
    sys.exit(0)
assert s.fileno() == number
print("protocol", s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL), "version", hex(s.getsockopt(IPPROTO_TLS, 113)))

startup = struct.pack("!i", 196608) + b"user\0tester\0database\0postgres\0\0"
s.send(struct.pack("!i", len(startup) + 4) + startup)
while message()[0] != b"Z":
    pass
query = b"select ssl, version, cipher from pg_stat_ssl where pid = pg_backend_pid()\0"
s.send(b"Q" + struct.pack("!i", len(query) + 4) + query)
while True:
    kind, body = message()
    if kind == b"D":
        fields, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            size = struct.unpack("!i", body[at:at + 4])[0]
            fields.append(body[at + 4:at + 4 + size].decode())
            at += 4 + size
        suite = s.getsockopt(IPPROTO_TLS, TLS_CHOSEN_CIPHER, 64).rstrip(b"\0").decode()
        print("the server says", *fields[:2], "same suite" if fields[2] == suite else (fields[2], suite))
    if kind == b"Z":
        break
s.send(b"X" + struct.pack("!i", 4))
try:
    end = s.recv(1)
except BlockingIOError:
    wait(select.EPOLLIN)
    end = s.recv(1)
print("end", end)
