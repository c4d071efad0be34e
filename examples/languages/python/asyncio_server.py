#!/usr/bin/env python3
"""A TLS server with asyncio's streams, without the ssl module.

    ssa run -- python3 asyncio_server.py 127.0.0.1 8443 chain.pem key.pem
"""
import asyncio
import socket
import sys

IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, TLS_PRIVATE_KEY = 205, 88, 89


async def answer(reader, writer):
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from asyncio.\n")
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as e:
        print("asyncio_server.py:", e, file=sys.stderr)
    writer.close()


async def main(host, port, chain, key):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_TLS)
    except OSError as e:
        sys.exit(f"asyncio_server.py: {e.strerror}: start it with ssa run -- python3 asyncio_server.py")
    s.setsockopt(IPPROTO_TLS, TLS_CERTIFICATE_CHAIN, chain.encode())
    s.setsockopt(IPPROTO_TLS, TLS_PRIVATE_KEY, key.encode())
    s.bind((host, int(port)))
    async with await asyncio.start_server(answer, sock=s) as server:
        print("listening on", host, "port", s.getsockname()[1], flush=True)
        await server.serve_forever()


if len(sys.argv) != 5:
    sys.exit("usage: asyncio_server.py address port chain.pem key.pem")
asyncio.run(main(*sys.argv[1:]))
