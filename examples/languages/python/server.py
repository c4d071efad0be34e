#!/usr/bin/env python3
"""A TLS server on Python's socketserver, without the ssl module.

    ssa run -- python3 server.py 127.0.0.1 8443 chain.pem key.pem
"""
import errno
import socket
import socketserver
import sys

IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, TLS_PRIVATE_KEY = 205, 88, 89


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline(4096).strip():
            pass
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from Python.\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, address, chain, key):
        super().__init__(address, Handler, bind_and_activate=False)
        # Options of level IPPROTO_TLS make the plain TCP socket a TLS socket.
        try:
            self.socket.setsockopt(IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, chain.encode())
            self.socket.setsockopt(IPPROTO_TLS, TLS_PRIVATE_KEY, key.encode())
        except OSError as e:
            hint = ": start it with ssa run -- python3 server.py" if e.errno == errno.ENOPROTOOPT else ""
            sys.exit(f"server.py: {e.strerror}{hint}")
        self.server_bind()
        self.server_activate()


if len(sys.argv) != 5:
    sys.exit("usage: server.py address port chain.pem key.pem")
host, port, chain, key = sys.argv[1:]
with Server((host, int(port)), chain, key) as server:
    print("listening on", host, "port", server.server_address[1], flush=True)
    server.serve_forever()
