# A shell pipeline through the C programs' small netcat: sock.sh SOCK SCENARIO key=value ...
sock=$1
shift 2
printf 'one\ntwo\nthree\n' | "$sock" pipe "$@" | while read -r line; do echo "got: $line"; done
