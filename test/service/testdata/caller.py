"""A client of the service in plain Python, written from docs/protocol.md:
caller.py SOCKET PORT NAME PID asks for TLS on behalf of process PID (0: itself)
and prints what it is told."""
import os
import socket
import struct
import sys

HELLO, HANDSHAKE, RELAY = 1, 4, 6
WELCOME, POLICY, REFUSED, ESTABLISHED, RESET_NEEDED, ENDED = 128, 129, 131, 132, 134, 135


def number(tag, n):
    return struct.pack("!BIQ", tag, 8, n)


def text(tag, value):
    return struct.pack("!BI", tag, len(value)) + value.encode()


def send(s, kind, fields, fds=()):
    frame = struct.pack("!IBBH", len(fields), kind, len(fds), 0) + fields
    sent = socket.send_fds(s, [frame], fds)
    s.sendall(frame[sent:])


def exactly(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            sys.exit("the service ended the connection")
        data += part
    return data


def receive(s):
    """The next answer, as its type and its fields."""
    length, kind, _, _ = struct.unpack("!IBBH", exactly(s, 8))
    data, fields = exactly(s, length), {}
    while data:
        tag, n = struct.unpack("!BI", data[:5])
        fields.setdefault(tag, []).append(data[5:5 + n])
        data = data[5 + n:]
    return (kind, fields) if kind != POLICY else receive(s)


path, port, name, pid = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
s = socket.socket(socket.AF_UNIX)
s.connect(path)
send(s, HELLO, number(1, 1) + text(2, "caller.py"))
kind, _ = receive(s)
assert kind == WELCOME, kind

tcp = socket.create_connection(("127.0.0.1", port))
pidfd = os.pidfd_open(pid or os.getpid())
send(s, HANDSHAKE, number(1, 7) + text(18, name), [tcp.fileno(), pidfd])
kind, fields = receive(s)
if kind == REFUSED:
    print("refused:", fields[4][0].decode())
    sys.exit(0)
assert kind == ESTABLISHED, kind
print("peer", fields[7][0].decode(), "version", hex(struct.unpack("!Q", fields[3][0])[0]))

mine, theirs = socket.socketpair()
send(s, RELAY, number(1, 7), [theirs.fileno()])
mine.sendall(b"hello")
mine.shutdown(socket.SHUT_WR)
got = b""
while part := mine.recv(100):
    got += part
mine.close()
kind, fields = receive(s)
assert kind == ENDED, kind
theirs.close()
tcp.close()
print("echo", got.decode(), "sent", struct.unpack("!Q", fields[6][0])[0], "received", struct.unpack("!Q", fields[7][0])[0])
