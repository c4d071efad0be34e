#!/usr/bin/env python3
"""A non-blocking TLS client with a selector: one event loop, no threads.

    ssa run -- python3 selectors_client.py example.com 443 /
"""
import errno
import selectors
import socket
import sys

IPPROTO_TLS, TLS_REMOTE_HOSTNAME, TLS_ERROR = 205, 85, 100

if len(sys.argv) != 4:
    sys.exit("usage: selectors_client.py host port path")
host, port, path = sys.argv[1:]

family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
try:
    s = socket.socket(family, socket.SOCK_STREAM, IPPROTO_TLS)
except OSError as e:
    sys.exit(f"selectors_client.py: {e.strerror}: start it with ssa run -- python3 selectors_client.py")
s.setsockopt(IPPROTO_TLS, TLS_REMOTE_HOSTNAME, host.encode())
s.setblocking(False)
if (code := s.connect_ex(address)) not in (0, errno.EINPROGRESS):
    sys.exit(f"selectors_client.py: {host}: {errno.errorcode[code]}")

loop = selectors.DefaultSelector()
loop.register(s, selectors.EVENT_WRITE)
unsent = f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()
while loop.get_map():
    for key, events in loop.select():
        if events & selectors.EVENT_WRITE:
            # The first time it is writable, the handshake is over, one way or the other.
            if code := s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                why = s.getsockopt(IPPROTO_TLS, TLS_ERROR, 1024).rstrip(b"\0").decode()
                sys.exit(f"selectors_client.py: {host}: {errno.errorcode[code]}: {why}")
            unsent = unsent[s.send(unsent):]
            if not unsent:
                loop.modify(s, selectors.EVENT_READ)
        if events & selectors.EVENT_READ:
            data = s.recv(4096)
            sys.stdout.buffer.write(data)
            if not data:
                loop.unregister(s)
