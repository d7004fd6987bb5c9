# Runs as root inside a freshly booted systemd; HOUSE, BINARY, OLD, NEW, TUTORIAL and LEDGER come from tests/binary/package.rs.
# Each claim is one line; the first that does not hold ends the script with the unit's state and journal.
set -u
export DEBIAN_FRONTEND=noninteractive

fail() {
  echo "does not hold: $*"
  systemctl status renewd --no-pager -n 0
  journalctl -u 'renewd*' --no-pager -o cat | tail -n 60
  tail -n 40 /run/said 2>/dev/null
  exit 1
}
claim() { local what=$1; shift; "$@" || fail "$what"; echo "ok: $what"; }
not() { ! "$@"; }
soon() { local n; for n in $(seq 300); do "$@" && return 0; sleep 0.1; done; return 1; }
show() { systemctl show -P "$1" renewd; }
is() { [ "$(show "$1")" = "$2" ]; }
mode() { [ "$(stat -c %U:%G:%a "$1")" = "$2" ]; }
apt() { apt-get -y "$@" >/run/said 2>&1; }
said() { grep -q -- "$1" /run/said; }
as_user() { setpriv --reuid=renewd --regid=renewd --init-groups env HOME=/ "$@"; }
payments() { as_user renewd history --json 2>/dev/null | grep -c '"state": "confirmed"'; }
if ! command -v sudo >/dev/null; then
  # As the tutorial has it; `sudo -u renewd COMMAND` is all that it needs.
  mkdir -p /usr/local/sbin
  printf '#!/bin/sh\nif [ "$1" = -u ]; then user=$2; shift 2; exec setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"; fi\nexec "$@"\n' >/usr/local/sbin/sudo
  chmod 755 /usr/local/sbin/sudo
fi

# As on a machine that booted by itself, with all that packages bring: images of containers leave manual pages and services out.
mount --make-rshared /
rm -f /etc/dpkg/dpkg.cfg.d/* /usr/sbin/policy-rc.d
cd /run
install -m 0644 "$OLD" renewd.deb

# --- The tutorial, word by word. Its first command installs the old version.
bash "$TUTORIAL" >/run/tutorial.out 2>&1 || { cat /run/tutorial.out; fail "the tutorial's commands work"; }
echo "ok: the tutorial's commands work"
claim "the package says how to begin" grep -q 'Type: sudo renewd init' /run/tutorial.out
claim "init says what to type next" grep -q 'sudo systemctl enable --now renewd' /run/tutorial.out
claim "the config is good" grep -q 'the config is good' /run/tutorial.out
claim "something was paid" [ "$(payments)" -gt 0 ]
claim "the daemon runs" is ActiveState active
claim "as its own user" [ "$(ps -o user= -p "$(show MainPID)" | tr -d ' ')" = renewd ]
claim "the provider's key is in no config" not grep -rq simulated-key /etc/renewd/renewd.toml /etc/renewd/conf.d
claim "the skeleton is closed to others" mode /etc/renewd/renewd.toml root:renewd:640
claim "so is what init wrote" mode /etc/renewd/conf.d/trial.toml root:renewd:640
claim "the state is the daemon's" mode /var/lib/renewd renewd:renewd:700
claim "the ledger too" mode /var/lib/renewd/ledger.db renewd:renewd:600
claim "a backup is there" [ "$(find /var/backups/renewd -name 'renewd-*Z.db' | wc -l)" = 1 ]

# --- What the package brings.
claim "its units have no mistakes" systemd-analyze verify /usr/lib/systemd/system/renewd.service /usr/lib/systemd/system/renewd-once.service /usr/lib/systemd/system/renewd.timer /usr/lib/systemd/system/renewd-backup.service /usr/lib/systemd/system/renewd-backup.timer
for page in '8 renewd' '5 renewd.toml' '8 renewd-plan' '8 renewd-order-create'; do
  claim "man $page" sh -c "man $page | grep -q EXAMPLES"
done
claim "no page has a mistake" sh -c 'for f in /usr/share/man/man8/renewd*.gz /usr/share/man/man5/renewd*.gz; do man --warnings -l "$f" 2>&1 >/dev/null; done | { ! grep -q .; }'
claim "bash completes addresses" bash -c '. /usr/share/bash-completion/completions/renewd; complete -p renewd | grep -q renewd'
claim "the schema that the example config names is there" sh -c 'test -s "$(sed -n "1s|^#:schema file://||p" /usr/share/doc/renewd/renewd.example.toml)"'
claim "the skeleton names the same schema" sh -c 'test "$(head -n 1 /etc/renewd/renewd.toml)" = "$(head -n 1 /usr/share/doc/renewd/renewd.example.toml)"'
claim "the bill of materials is there" grep -q CycloneDX /usr/share/doc/renewd/renewd.cdx.json
claim "the changelog and the licences are there" sh -c 'test -e /usr/share/doc/renewd/copyright && ls /usr/share/doc/renewd/changelog* >/dev/null'

# --- Backups: the newest few are kept, and nothing else is touched.
touch /var/backups/renewd/mine.db
mkdir -p /run/systemd/system/renewd-backup.service.d
printf '[Service]\nEnvironment=RENEWD_BACKUP_KEEP=2\n' >/run/systemd/system/renewd-backup.service.d/keep.conf
systemctl daemon-reload
for n in 1 2 3; do sleep 1.1; systemctl start renewd-backup.service || fail "a backup works"; done
claim "two backups are kept" [ "$(find /var/backups/renewd -name 'renewd-*Z.db' | wc -l)" = 2 ]
claim "and a file of somebody's" test -e /var/backups/renewd/mine.db

# --- Upgrade of a machine whose ledger is of an older schema: it is brought up to date, and no payment is forgotten.
claim "the daemon stops for another ledger" systemctl stop renewd
mkdir -m 0700 /run/aside && mv /var/lib/renewd/* /run/aside/
install -m 0600 -o renewd -g renewd "$LEDGER" /var/lib/renewd/ledger.db
claim "the upgrade over an older ledger works" apt install "$NEW"
claim "the daemon starts with it" systemctl start renewd
claim "its payment is there" soon sh -c 'setpriv --reuid=renewd --regid=renewd --init-groups env HOME=/ renewd history --json | grep -q p-000001'
claim "its record is whole, too" as_user renewd history --verify
claim "the daemon stops again" systemctl stop renewd
find /var/lib/renewd -mindepth 1 -delete && mv /run/aside/* /var/lib/renewd/
claim "the version before is back" apt install --allow-downgrades "$OLD"
claim "with its own ledger" systemctl start renewd

# --- Upgrade: the daemon goes on in the new version, with its ledger.
paid=$(payments) pid=$(show MainPID)
claim "the upgrade works" apt install "$NEW"
claim "the daemon was restarted" [ "$(show MainPID)" != "$pid" ]
claim "and runs" is ActiveState active
claim "no payment is forgotten" [ "$(payments)" = "$paid" ]
claim "its record is whole" as_user renewd history --verify
claim "it is still enabled" systemctl --quiet is-enabled renewd
claim "the backups too" systemctl --quiet is-enabled renewd-backup.timer
claim "the config is as it was" mode /etc/renewd/conf.d/trial.toml root:renewd:640

# --- A new version that refuses the config does not take the old daemon down.
pid=$(show MainPID)
echo 'nonsense = 1' >/etc/renewd/conf.d/zz.toml
claim "an upgrade with a bad config works" apt install --reinstall "$NEW"
claim "and says so" said 'refuses the config'
claim "and the daemon goes on as it was" is MainPID "$pid"
rm /etc/renewd/conf.d/zz.toml

# --- Cycles by a timer instead.
claim "the daemon stops" systemctl stop renewd
claim "a single cycle by systemd works" systemctl start renewd-once.service
claim "the timer starts" systemctl start renewd.timer
systemctl stop renewd.timer
systemctl start renewd

# --- Remove, and install again: everything is as it was.
claim "removing works" apt remove renewd
claim "nothing of it runs" not pgrep -x -u renewd renewd
claim "the ledger stays" test -s /var/lib/renewd/ledger.db
claim "so does the config" test -s /etc/renewd/renewd.toml
claim "installing it again works" apt install "$NEW"
claim "and it is enabled as it was" systemctl --quiet is-enabled renewd
claim "with its ledger" [ "$(payments)" = "$paid" ]

# --- Purge.
claim "purging works" apt purge renewd
claim "it says that the ledger goes" said 'removing /var/lib/renewd'
claim "and what stays" said 'kept: /etc/renewd'
claim "the ledger is gone" not test -e /var/lib/renewd
claim "the skeleton too" not test -e /etc/renewd/renewd.toml
claim "the key stays" test -e /etc/renewd/trial.key
claim "the backups stay" test -e /var/backups/renewd/mine.db
claim "no unit is left" not systemctl --quiet cat renewd.service

# --- A fresh installation never starts a daemon whose config sets nothing.
rm -rf /etc/renewd /var/backups/renewd
claim "it installs again" apt install "$NEW"
claim "and is not started" is ActiveState inactive
claim "nor enabled" not systemctl --quiet is-enabled renewd
claim "started by hand it says what is missing" not systemctl start renewd
claim "with exit code 2" is ExecMainStatus 2
claim "and the reason" sh -c 'journalctl -u renewd -o cat --no-pager | grep -q "account"'
echo "all claims hold"
