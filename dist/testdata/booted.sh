# Runs under systemd, as root: installs the package, uses the service as other
# users, and says what it sees. Beside it are first.deb, second.deb, ca.pem,
# chain.pem and key.pem.
set -eu
cd /srv
echo "booted: $(cat /proc/1/comm)"

state() { echo "$1: socket $(systemctl is-active ssa.socket || true), service $(systemctl is-active ssa.service || true)"; }
main() { systemctl show -P MainPID ssa.service; }
as() { user=$1 && shift && setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs "$@"; }
# wait runs a command until it is true, for half a minute at most.
wait() {
	for _ in $(seq 300); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	echo "waited in vain: $*"
	cat serving held || true
	journalctl --no-pager -b -u ssa.service -u ssa.socket
	exit 1
}

dpkg -i first.deb
state "after installing"

install -m 600 chain.pem key.pem /etc/ssa/keys
install -m 644 ca.pem /etc/ssa/ca.pem
cat >/etc/ssa/policy.d/test.yaml <<EOF
default:
  trust: {roots: [/etc/ssa/ca.pem]}
  server: {identity: www}
identities:
  www: {chain: /etc/ssa/keys/chain.pem, key: /etc/ssa/keys/key.pem}
EOF

cat >server.py <<'EOF'
import socket, threading
def serve(c):
    while data := c.recv(100):
        c.sendall(data.upper())
    c.close()
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 4433))
try:
    s.listen()
except OSError:
    print(s.getsockopt(205, 100, 1000).decode(), flush=True)
    raise
print("listening", flush=True)
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
EOF
cat >client.py <<'EOF'
import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 205)
s.setsockopt(205, 85, b"www.example")
s.connect(("127.0.0.1", 4433))
for word in sys.argv[1:]:
    while word == "later" and not os.path.exists("/srv/go-on"):
        time.sleep(0.05)
    s.sendall(word.encode())
    print(s.recv(100).decode(), flush=True)
EOF
chmod 644 server.py client.py
client() { as 65534 ssa run --engine service -- python3 client.py "$@" 2>&1; }
talk() { echo "$1: $(client hello)"; }

as 1 ssa run -v --engine service --wait 10s -- python3 server.py >serving 2>&1 &
wait grep -q listening serving
state "in use"
talk "first"
as 65534 ssa doctor --json | grep -A 4 '"its answer"' | grep '"state"' | sed 's/^ */doctor: /'
stat -c 'folder: %n %A %U:%G' /var/log/ssa
echo "open to: $(stat -c %A /run/ssa/ssa.sock)"
group=/sys/fs/cgroup$(systemctl show -P ControlGroup ssa.service)
while read -r process; do
	echo "process: $(stat -c %U "/proc/$process"), $(grep -E 'NoNewPrivs|CapEff' "/proc/$process/status" | tr -d '\t' | tr '\n' ' ')"
done <"$group/cgroup.procs"

client hello later >held &
wait grep -q HELLO held
before=$(main)
systemctl reload ssa.service
[ "$(main)" = "$before" ] && state "reloaded"
talk "after reload"
echo "default: {versions: {min: nonsense}}" >/etc/ssa/policy.d/wrong.yaml
if systemctl reload ssa.service; then echo "bad reload: taken"; else echo "bad reload: fails"; fi
journalctl -b --no-pager -u ssa.service | grep -q 'not reloaded, and the one before holds: .*wrong.yaml:1:' && echo "bad reload: told"
rm /etc/ssa/policy.d/wrong.yaml
systemctl reload ssa.service && echo "good reload: taken"
[ "$(main)" = "$before" ] && state "reloaded again"

# The service that runs starts the new version, and keeps what is connected.
dpkg -i second.deb
taken() { [ "$(main)" != "$before" ] && talk "after upgrade" >talked && grep -q HELLO talked; }
wait taken
cat talked
state "upgraded"
echo "new one executes: $(readlink "/proc/$(main)/exe")"
echo "old one executes: $(readlink "/proc/$before/exe")"
touch go-on
wait grep -q LATER held
echo "held: $(tr '\n' ' ' <held)"
wait test ! -e "/proc/$before"
echo "processes after upgrade: $(grep -c . "$group/cgroup.procs")"
systemctl reload ssa.service
talk "after upgrade and reload"

before=$(main)
kill -9 "$before"
restarted() { [ "$(main)" != "$before" ] && systemctl -q is-active ssa.service; }
wait restarted
state "killed"
answered() { talk "after kill" >talked && grep -q HELLO talked; }
wait answered # the server has to find the new service too
cat talked

systemctl restart ssa.service
state "restarted"

# A policy with a problem stops the service; once it is right all goes on.
echo "default: {versions: {min: nonsense}}" >/etc/ssa/policy.d/wrong.yaml
systemctl restart ssa.service || echo "wrong: not started"
sleep 3 # longer than systemd would try by itself, ten times
rm /etc/ssa/policy.d/wrong.yaml
answered() { talk "after correction" >talked && grep -q HELLO talked; }
wait answered
cat talked
state "corrected"

# What the service tells: the journal by field, also after that was started
# again; refusals; metrics.
mkdir -p /etc/systemd/system/ssa.service.d
cat >/etc/systemd/system/ssa.service.d/seeing.conf <<EOF
[Service]
ExecStart=
ExecStart=/usr/bin/ssa daemon -v --audit /var/log/ssa/audit.log --metrics unix:/run/ssa/metrics.sock
EOF
systemctl daemon-reload
systemctl restart ssa.service
answered() { talk "seen" >talked && grep -q HELLO talked; }
wait answered
cat talked
told() { journalctl -b -o json _SYSTEMD_UNIT=ssa.service "TLS_UID=$1" | grep '"TLS_VERSION":"TLS 1.3"' | grep -q '"TLS_PROGRAM":"/usr/bin/python3'; }
wait told 65534
echo "journal: told by field"
systemctl restart systemd-journald.service
as 2 ssa run --engine service -- python3 client.py hello >/dev/null
wait told 2
echo "journal: told after its restart"
sed s/www.example/other.example/ client.py >wrong.py
wrong() { as 65534 ssa run --engine service -- python3 wrong.py hello >/dev/null 2>&1 || true; }
wrong
wait grep -q '"what":"untrusted"' /var/log/ssa/audit.log
stat -c 'audit: %A %U' /var/log/ssa/audit.log
mv /var/log/ssa/audit.log /var/log/ssa/audit.log.1
systemctl reload ssa.service
wait test -e /var/log/ssa/audit.log
wrong
wait grep -q '"what":"untrusted"' /var/log/ssa/audit.log
echo "audit: goes on after rotation"
cat >metrics.py <<'EOF'
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/run/ssa/metrics.sock")
s.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
print("metrics:", 'ssa_refusals_total{what="untrusted"} 2' in text, "ssa_handshakes_total{" in text)
EOF
python3 metrics.py
if ssa status --json | grep -q '"identity":"www"'; then echo "status: told"; fi
rm -r /etc/systemd/system/ssa.service.d

dpkg -P ssa
state "after purging"
if [ -e /var/log/ssa ]; then echo "left: /var/log/ssa"; fi
if [ -e "$group" ] && [ -s "$group/cgroup.procs" ]; then echo "left: processes of the service"; fi
