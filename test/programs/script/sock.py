"""Scenarios in Python, by its socket module alone: see programs.go."""
import errno
import hashlib
import os
import selectors
import socket
import sys
import threading

IPPROTO_TLS = 205
TLS_REMOTE_HOSTNAME, TLS_CERTIFICATE_CHAIN, TLS_PRIVATE_KEY = 85, 88, 89

settings = dict(arg.split("=", 1) for arg in sys.argv[2:])
proto = int(settings["proto"])
size = int(settings["bytes"])
v6 = settings.get("family") == "6"
family, loopback = (socket.AF_INET6, "::1") if v6 else (socket.AF_INET, "127.0.0.1")


def say(*words):
    print(*words, flush=True)


def outcome(what, call, *args):
    try:
        say(what, call(*args))
    except OSError as e:
        say(what, errno.errorcode[e.errno])


def new_socket():
    s = socket.socket(family, socket.SOCK_STREAM, proto)
    if proto == IPPROTO_TLS:
        s.setsockopt(IPPROTO_TLS, TLS_REMOTE_HOSTNAME, settings["name"].encode())
    return s


def new_listener():
    s = socket.socket(family, socket.SOCK_STREAM, proto)
    if proto == IPPROTO_TLS:
        s.setsockopt(IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, settings["chain"].encode())
        s.setsockopt(IPPROTO_TLS, TLS_PRIVATE_KEY, settings["key"].encode())
    s.bind((loopback, 0))
    s.listen(16)
    say("@port", s.getsockname()[1])
    return s


def client():
    s = new_socket()
    outcome("connect", s.connect, (loopback, int(settings["port"])))
    say("peer", s.getpeername()[0])
    s.sendall(b"from Python")
    say("read", s.recv(11, socket.MSG_WAITALL))
    s.shutdown(socket.SHUT_WR)
    say("end", s.recv(1))
    s.close()


def timeout_client():
    """Python's own time-outs make the socket non-blocking below."""
    s = new_socket()
    s.settimeout(30)
    s.connect((loopback, int(settings["port"])))
    s.sendall(b"x" * size)
    s.shutdown(socket.SHUT_WR)
    total = hashlib.sha256()
    while data := s.recv(65536):
        total.update(data)
    say("read back", total.hexdigest())


def selector_client():
    s = new_socket()
    s.setblocking(False)
    with selectors.DefaultSelector() as sel:
        say("connect", errno.errorcode[s.connect_ex((loopback, int(settings["port"])))])
        sel.register(s, selectors.EVENT_WRITE)
        sel.select()
        say("SO_ERROR", s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        s.send(b"from Python")
        sel.modify(s, selectors.EVENT_READ)
        sel.select()
        say("read", s.recv(64))
        outcome("read", s.recv, 64)
    s.close()


def refused():
    outcome("connect", new_socket().connect, (loopback, int(settings["other"])))


def server():
    s = new_listener()
    with s.accept()[0] as c, c.makefile("rwb") as f:
        for line in f:
            f.write(line.upper())
            f.flush()
    say("served", s.getsockname()[0])


def threaded_server():
    s = new_listener()

    def serve(c, where):
        with c:
            c.sendall(c.recv(5, socket.MSG_WAITALL))
            c.recv(1)
        return where

    threads = []
    for _ in range(size):
        t = threading.Thread(target=serve, args=s.accept())
        t.start()
        threads.append(t)
    for t in threads:
        t.join()
    say("served", len(threads))


def sendfile():
    s = new_socket()
    s.connect((loopback, int(settings["port"])))
    with open(settings["file"], "rb") as f:
        say("sent", s.sendfile(f))
    s.shutdown(socket.SHUT_WR)
    say("end", s.recv(1))
    say("file size", os.stat(settings["file"]).st_size)


globals()[sys.argv[1].replace("-", "_")]()
