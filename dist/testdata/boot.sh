# Boots systemd in a throw-away system, in namespaces of its own, and lets it
# run booted.sh with what is in the folder $1 at /srv there. Powers off after.
if [ -z "${BOOT_INSIDE:-}" ]; then
	set -eu
	# Its groups of processes are below one of its own: two such systems at the
	# same time would end each other's.
	group=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/self/mounts)$(sed -n 's/^0:://p' /proc/self/cgroup)/ssa-test-$$
	mkdir "$group"
	trap 'find "$group" -depth -type d -exec rmdir {} +' EXIT
	(
		echo 0 >"$group/cgroup.procs"
		BOOT_INSIDE=1 exec unshare --mount --pid --uts --ipc --net --cgroup --kill-child --fork sh "$0" "$1"
	)
	exit
fi
. "$(dirname "$0")/root.sh"
mount --bind "$1" "$root/srv"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs none "$root/dev"
while read -r device major minor; do
	mknod -m 666 "$root/dev/$device" c "$major" "$minor"
done <<EOF
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
EOF
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 none "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s null "$root/dev/console"
cp "$(dirname "$0")/booted.sh" "$root/srv/booted.sh"

rm -f "$root/usr/sbin/policy-rc.d" # which keeps packages from starting services

units=$root/etc/systemd/system
rm -rf "$units"
mkdir "$units"
cat >"$units/default.target" <<EOF
[Unit]
Requires=booted.service
EOF
cat >"$units/booted.service" <<EOF
[Unit]
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
ExecStart=/bin/sh -c 'exec sh /srv/booted.sh >/srv/out 2>&1'
TimeoutStartSec=100s
EOF
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
# Its root has to be a root, not a folder of ours: paths of programs begin there.
cd "$root"
pivot_root . mnt
umount -l mnt
exec env -u BOOT_INSIDE container=other chroot . /lib/systemd/systemd --unit=default.target --log-target=journal --show-status=0 </dev/null
