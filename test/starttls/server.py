"""A mail server that knows EHLO, STARTTLS and QUIT, for one connection:
server.py chain.pem key.pem blocking|nonblocking
"""
import errno
import select
import socket
import sys

IPPROTO_TLS, TCP_UPGRADE_TLS, TLS_HOSTNAME, TLS_CERTIFICATE_CHAIN, TLS_PRIVATE_KEY = 205, 33, 86, 88, 89
chain, key, mode = sys.argv[1:]

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
s, _ = listener.accept()


def line():
    text = b""
    while not text.endswith(b"\n"):
        byte = s.recv(1)
        if not byte:
            sys.exit("the client has gone")
        text += byte
    return text.split()[0].upper()


def upgrade():
    s.setsockopt(IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, chain.encode())
    s.setsockopt(IPPROTO_TLS, TLS_PRIVATE_KEY, key.encode())
    s.setblocking(mode == "blocking")
    try:
        s.setsockopt(socket.IPPROTO_TCP, TCP_UPGRADE_TLS, b"")
    except BlockingIOError as e:
        assert e.errno == errno.EINPROGRESS, e
        p = select.poll()
        p.register(s, select.POLLOUT)
        assert p.poll(30000), "nothing happens"
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    s.setblocking(True)


secure = False
s.sendall(b"220 mail.example ready\r\n")
while True:
    command = line()
    if command == b"EHLO":
        s.sendall(b"250 mail.example, over TLS\r\n" if secure else b"250-mail.example\r\n250 STARTTLS\r\n")
    elif command == b"STARTTLS" and not secure:
        s.sendall(b"220 go ahead\r\n")
        upgrade()
        secure = True
    elif command == b"NOOP" and secure:
        name = s.getsockopt(IPPROTO_TLS, TLS_HOSTNAME, 256).rstrip(b"\0")
        s.sendall(b"250 you asked for " + name + b"\r\n")
    elif command == b"QUIT":
        s.sendall(b"221 bye\r\n")
        s.close()
        break
    else:
        s.sendall(b"500 what\r\n")
