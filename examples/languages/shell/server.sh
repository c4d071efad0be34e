#!/bin/sh
# server.sh - a TLS server in shell: started for each connection, which is
# descriptor 3.
#
#	ssa run -- ../with-socket accept 127.0.0.1 8443 chain.pem key.pem sh server.sh
while read -r line <&3 && [ "${#line}" -gt 1 ]; do :; done
printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from a shell.\n' >&3
