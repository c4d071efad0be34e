#!/usr/bin/env python3
"""A TLS client with asyncio's streams, without the ssl module.

    ssa run -- python3 asyncio_client.py example.com 443 /
"""
import asyncio
import socket
import sys

IPPROTO_TLS, TLS_REMOTE_HOSTNAME, TLS_ERROR = 205, 85, 100


async def open_connection(host, port):
    """asyncio.open_connection, over TLS."""
    loop = asyncio.get_running_loop()
    family, _, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
    # asyncio resolves the address again with the socket's protocol, and
    # getaddrinfo() knows TCP alone. The option makes it a TLS socket as well.
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setblocking(False)
    try:
        s.setsockopt(IPPROTO_TLS, TLS_REMOTE_HOSTNAME, host.encode())
    except OSError as e:
        s.close()
        raise OSError(e.errno, f"{e.strerror}: start it with ssa run -- python3 asyncio_client.py") from e
    try:
        await loop.sock_connect(s, address)
    except OSError as e:
        why = s.getsockopt(IPPROTO_TLS, TLS_ERROR, 1024).rstrip(b"\0").decode()
        s.close()
        raise OSError(e.errno, why) from e
    return await asyncio.open_connection(sock=s)


async def main(host, port, path):
    reader, writer = await open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
    while data := await reader.read(4096):
        sys.stdout.buffer.write(data)
    writer.close()
    await writer.wait_closed()


if len(sys.argv) != 4:
    sys.exit("usage: asyncio_client.py host port path")
try:
    asyncio.run(main(*sys.argv[1:]))
except OSError as e:
    sys.exit(f"asyncio_client.py: {sys.argv[1]}: {e}")
