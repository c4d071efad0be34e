"""A TLS peer made of OpenSSL that sends back what it receives and renews keys.

echo.py server HOST PORT PEM | echo.py client HOST PORT

A server listens on any port and says which. Each second record sent back is
preceded by a key update, each second of which asks for the other side's. At the
end the key updates of both directions are counted.
"""
import ctypes
import ctypes.util
import socket
import sys

ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
pointer = ctypes.c_void_p
for name in ("TLS_method", "SSL_CTX_new", "SSL_new"):
    getattr(ssl, name).restype = pointer

HANDSHAKE, KEY_UPDATE, PEM = 22, 24, 1
counts = {"sent": 0, "received": 0, "asked": 0}


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_ubyte), ctypes.c_size_t, pointer, pointer)
def seen(sent, version, content_type, data, size, connection, arg):
    if content_type == HANDSHAKE and data[0] == KEY_UPDATE:
        counts["sent" if sent else "received"] += 1


def connect(role, host, port):
    if role == "client":
        return socket.create_connection((host, port))
    with socket.create_server((host, port)) as listener:
        print(listener.getsockname()[1], flush=True)
        return listener.accept()[0]


def main(role, host, port, pem=None):
    context = pointer(ssl.SSL_CTX_new(pointer(ssl.TLS_method())))
    if pem:
        assert ssl.SSL_CTX_use_certificate_chain_file(context, pem.encode()) == 1
        assert ssl.SSL_CTX_use_PrivateKey_file(context, pem.encode(), PEM) == 1
    tcp = connect(role, host, int(port))
    connection = pointer(ssl.SSL_new(context))
    ssl.SSL_set_msg_callback(connection, seen)
    ssl.SSL_set_fd(connection, tcp.fileno())
    assert (ssl.SSL_connect if role == "client" else ssl.SSL_accept)(connection) == 1
    data = ctypes.create_string_buffer(16 << 10)
    turn = 0
    while (n := ssl.SSL_read(connection, data, len(data))) > 0:
        turn += 1
        if turn % 2 == 0:
            asks = turn // 2 % 2
            assert ssl.SSL_key_update(connection, asks) == 1
            counts["asked"] += asks
        assert ssl.SSL_write(connection, data, n) == n
    ended = ssl.SSL_get_error(connection, n) == 6  # by a close_notify
    ssl.SSL_shutdown(connection)
    tcp.shutdown(socket.SHUT_WR)
    print(counts["sent"], counts["asked"], counts["received"], int(ended), flush=True)


main(*sys.argv[1:])
