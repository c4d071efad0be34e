# Installs the packages $1 and $2, its next version, in a throw-away system,
# removes and purges them, and says what is left.
. "$(dirname "$0")/root.sh"
mount --bind /dev "$root/dev"
cp "$1" "$root/tmp/first.deb"
cp "$2" "$root/tmp/second.deb"

list() { (cd "$root" && find etc usr var run -xdev ! -path 'var/cache/*' ! -path 'var/lib/dpkg/*' ! -path 'var/log/*' | sort); }
inside() { chroot "$root" sh -ec "$*"; }

list >"$layer/before"
inside dpkg -i /tmp/first.deb
inside dpkg -V ssa
echo "user: $(inside getent passwd ssa | cut -d : -f 1,5-)"
echo "socket: $(inside systemctl is-enabled ssa.socket)"
echo "version: $(inside ssa --version)"
(cd "$root" && stat -c 'folder: %n %A %U:%G' run/ssa etc/ssa etc/ssa/policy.d etc/ssa/keys)

echo "# mine" >>"$root/etc/ssa/policy.yaml"
inside systemctl -q disable ssa.socket
inside dpkg --force-confold -i /tmp/second.deb
echo "after upgrade: $(inside ssa --version)"
echo "after upgrade: $(tail -n 1 "$root/etc/ssa/policy.yaml")"
echo "after upgrade: socket $(inside systemctl is-enabled ssa.socket)"

inside dpkg -r ssa
echo "after removal: $(cd "$root" && find etc/ssa -type f)"
inside dpkg -P ssa
list >"$layer/after"
diff "$layer/before" "$layer/after" | sed -n 's/^[<>]/left or lost: &/p'
