#!/usr/bin/env python3
"""A TLS server with a selector: all connections in one thread.

    ssa run -- python3 selectors_server.py 127.0.0.1 8443 chain.pem key.pem
"""
import selectors
import socket
import sys

IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, TLS_PRIVATE_KEY = 205, 88, 89
REPLY = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from Python's selectors.\n"

loop = selectors.DefaultSelector()
requests = {}


def accept(listener):
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return  # gone before we came
    connection.setblocking(False)
    requests[connection] = b""
    loop.register(connection, selectors.EVENT_READ, serve)


def serve(connection):
    try:
        data = connection.recv(4096)
        requests[connection] += data
        if data and b"\r\n\r\n" not in requests[connection] and len(requests[connection]) < 8192:
            return
        connection.send(REPLY)  # short enough for any send buffer
    except OSError as e:
        print("selectors_server.py:", e, file=sys.stderr)
    loop.unregister(connection)
    del requests[connection]
    connection.close()


if len(sys.argv) != 5:
    sys.exit("usage: selectors_server.py address port chain.pem key.pem")
host, port, chain, key = sys.argv[1:]
try:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_TLS)
except OSError as e:
    sys.exit(f"selectors_server.py: {e.strerror}: start it with ssa run -- python3 selectors_server.py")
listener.setsockopt(IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, chain.encode())
listener.setsockopt(IPPROTO_TLS, TLS_PRIVATE_KEY, key.encode())
listener.bind((host, int(port)))
listener.listen()
listener.setblocking(False)
print("listening on", host, "port", listener.getsockname()[1], flush=True)
loop.register(listener, selectors.EVENT_READ, accept)
while True:
    for event, _ in loop.select():
        event.data(event.fileobj)
