#!/bin/sh
# client.sh - a TLS client in shell: descriptor 3 is the connection. (bash's
# /dev/tcp is plain TCP.)
#
#	ssa run -- ../with-socket connect example.com 443 sh client.sh example.com /
[ $# = 2 ] || { echo "usage: with-socket connect host port sh client.sh host path" >&2; exit 2; }
printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$2" "$1" >&3 && exec cat <&3
