#!/usr/bin/env python3
"""The smallest TLS client in Python, without the ssl module.

    ssa run -- python3 client.py example.com 443 /
"""
import socket
import sys

IPPROTO_TLS, TLS_REMOTE_HOSTNAME, TLS_ERROR = 205, 85, 100

if len(sys.argv) != 4:
    sys.exit("usage: client.py host port path")
host, port, path = sys.argv[1:]

family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
try:
    s = socket.socket(family, socket.SOCK_STREAM, IPPROTO_TLS)
except OSError as e:
    sys.exit(f"client.py: {e.strerror}: start it with ssa run -- python3 client.py")
s.setsockopt(IPPROTO_TLS, TLS_REMOTE_HOSTNAME, host.encode())
try:
    s.connect(address)
    s.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
    while data := s.recv(4096):
        sys.stdout.buffer.write(data)
except OSError as e:
    why = s.getsockopt(IPPROTO_TLS, TLS_ERROR, 1024).rstrip(b"\0").decode()
    sys.exit(f"client.py: {host}: {e.strerror}: {why}")
