#!/bin/bash
# boot.sh SCRIPT: boots systemd as process 1 of its own namespaces, on an overlay of this machine's root file system that is thrown away,
# and runs SCRIPT inside it as root once it is up. Prints what SCRIPT printed and ends with its exit code. Needs root.
# LIMIT_S: seconds until it is given up (default 120). BIND: folders that are mounts of their own, which an overlay of `/` does not show.
set -u
script=$(readlink -f "$1")
limit=${LIMIT_S:-120}
box=$(mktemp -d /var/tmp/renewd-systemd.XXXXXX)
mkdir -p "$box/layer" "$box/share"
install -m 0755 "$script" "$box/share/script"

cat >"$box/init" <<'INIT'
#!/bin/bash
set -e
box=$1
mount -t tmpfs tmpfs "$box/layer"
mkdir -p "$box"/layer/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$box/layer/upper,workdir=$box/layer/work" "$box/layer/root"
root=$box/layer/root
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/dev"
for folder in run tmp var/tmp; do mount -t tmpfs tmpfs "$root/$folder"; done
mkdir -p "$root/run/share"
mount --bind "$box/share" "$root/run/share"
for folder in ${BIND:-}; do
  mkdir -p "$root$folder"
  mount --bind "$folder" "$root$folder"
done
# Nothing of this machine's own services starts in there.
units=$root/etc/systemd/system
rm -f "$units"/*.wants/* "$units"/*.service
for unit in systemd-sysctl systemd-modules-load systemd-udevd systemd-udev-trigger systemd-networkd systemd-resolved systemd-timesyncd; do
  ln -sf /dev/null "$units/$unit.service"
done
ln -sf /dev/null "$units/getty.target"
cat >"$units/script.service" <<UNIT
[Unit]
After=basic.target
[Service]
Type=oneshot
Environment=HOME=/root PATH=$PATH
ExecStart=/bin/bash -c '/run/share/script >/run/share/out 2>&1; echo \$? >/run/share/rc'
UNIT
cat >"$units/script.target" <<UNIT
[Unit]
Requires=basic.target
Wants=script.service
UNIT
export container=docker
exec chroot "$root" /lib/systemd/systemd --system --unit=script.target --log-level=warning --log-target=console --show-status=0
INIT
chmod +x "$box/init"

setsid unshare --mount --pid --fork --kill-child --cgroup --uts --ipc "$box/init" "$box" >"$box/console" 2>&1 &
booted=$!
for ((tenth = 0; tenth < limit * 10; tenth++)); do
  [ -s "$box/share/rc" ] && break
  kill -0 $booted 2>/dev/null || break
  sleep 0.1
done
[ -f "$box/share/out" ] && cat "$box/share/out"
rc=$(cat "$box/share/rc" 2>/dev/null)
if [ -z "$rc" ]; then
  echo "boot.sh: no result in $limit s; the console's last lines:"
  tail -n 20 "$box/console"
  rc=124
fi
# The whole session of the one booted above.
kill -KILL -- -$booted 2>/dev/null
wait $booted 2>/dev/null
rm -rf "$box" 2>/dev/null
exit "$rc"
