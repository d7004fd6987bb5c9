# Runs as root inside a freshly booted systemd; HOUSE, BINARY, SIMULATOR and WEB come from tests/binary/systemd.rs.
# Each claim is one line; the first that does not hold ends the script with the unit's state and journal.
set -u
KEY='key-for-the-systemd-test'
MAIL='mail-password-for-the-test'
UNIT=/etc/systemd/system/renewd.service

show() { systemctl show -P "$1" renewd; }
fail() {
  echo "does not hold: $*"
  systemctl status renewd --no-pager -n 0
  journalctl -u renewd -u simulate --no-pager -o cat | tail -n 60
  exit 1
}
claim() { local what=$1; shift; "$@" || fail "$what"; echo "ok: $what"; }
# Waits up to 30 s for something that must come to pass.
soon() { local n; for n in $(seq 300); do "$@" && return 0; sleep 0.1; done; return 1; }
is() { [ "$(show "$1")" = "$2" ]; }
isnt() { [ "$(show "$1")" != "$2" ]; }
says() { journalctl -u renewd --no-pager -o cat | grep -q -- "$1"; }
answers() { exec 3<>"/dev/tcp/127.0.0.1/$WEB" || return 1; printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3; head -n 1 <&3 | grep -q " $2 "; local rc=$?; exec 3>&-; return $rc; }
web() { answers "$@" 2>/dev/null; }

config() {
  cat >/etc/renewd/renewd.toml <<EOF
[schedule]
cycle = "*/2 * * * * *"
jitter = "0s"
[http]
listen = "127.0.0.1:$WEB"
[[account]]
name = "yp"
provider = "youproxy"
base_url = "http://127.0.0.1:$SIMULATOR"
api_key = { credential = "yp-key" }
[[policy]]
name = "keep"
action = "renew"
[alerts.email]
host = "127.0.0.1"
port = 9
tls = "none"
username = "renewd"
password = { credential = "smtp-password" }
from = "renewd@example.org"
to = ["ops@example.org"]
$1
EOF
}
dropin() { mkdir -p "$UNIT.d"; printf '[Service]\n%s\n' "$2" >"$UNIT.d/$1.conf"; systemctl daemon-reload; }

# As on a machine that booted by itself; credentials are mounted by a child of systemd and would stay with it otherwise.
mount --make-rshared /
install -m 0755 "$BINARY" /usr/bin/renewd
install -m 0644 "$HOUSE/systemd/renewd.service" "$UNIT"
claim "the daemon's user is made" systemd-sysusers "$HOUSE/systemd/renewd.sysusers"
mkdir -p /etc/renewd
install -m 0600 /dev/stdin /etc/renewd/yp.key <<<"$KEY"
install -m 0600 /dev/stdin /etc/renewd/smtp-password <<<"$MAIL"
config ""
dropin secrets "LoadCredential=yp-key:/etc/renewd/yp.key
LoadCredential=smtp-password:/etc/renewd/smtp-password"
claim "the unit has no mistakes" systemd-analyze verify --man=no "$UNIT"

systemd-run --quiet --unit=simulate /usr/bin/renewd simulate --listen "127.0.0.1:$SIMULATOR" --key "$KEY" --leases 12
claim "the simulated provider listens" soon bash -c "exec 3<>/dev/tcp/127.0.0.1/$SIMULATOR" 2>/dev/null

claim "start returns once the daemon says that it is ready" systemctl start renewd
claim "it is active" is ActiveState active
claim "it runs as its own user" [ "$(ps -o user= -p "$(show MainPID)" | tr -d ' ')" = renewd ]
told() { show StatusText | grep -q "$1"; }
claim "the status line tells what is due next and what is open" soon told '^next lease due .* (yp); .*open alert'
claim "and how the last cycle went" soon told 'last cycle: '
claim "the loop is alive" soon web /healthz 200
claim "every account was read, with the key from a credential" soon web /readyz 200
claim "a foreign name is not served" bash -c "exec 3<>/dev/tcp/127.0.0.1/$WEB; printf 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n' >&3; head -n 1 <&3 | grep -q ' 421 '"
claim "nobody else may look into the state directory" [ "$(stat -c %U:%a /var/lib/renewd)" = renewd:700 ]
claim "nor read the ledger" [ "$(stat -c %U:%a /var/lib/renewd/ledger.db)" = renewd:600 ]

pid=$(show MainPID)
claim "no core file of it is written" grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits"
claim "nor may its user look into its memory" [ "$(stat -c %U "/proc/$pid/mem")" = root ]
claim "the unit is exposed by 1.2 at most" bash -c 'systemd-analyze security --threshold=12 --no-pager renewd >/dev/null'
priority() { journalctl -u renewd -p "$1" -o cat --no-pager | grep -v '^[A-Z][a-z]* renewd.service' | grep -q -- "$2"; }
claim "the journal knows how grave a line is" soon priority 3..3 'mail server'
claim "and what is only news" soon priority 6..6 'cycle done'
claim "a line carries no second time and no braces" bash -c "! journalctl _PID=$pid -o cat --no-pager | grep -Eq '^(\{|<|20[0-9]{2}-)'"
claim "root may pause it, although only the service has the key" renewd pause
claim "and status says so" bash -c "renewd status 2>/dev/null | grep -q 'spending is paused: every account'"
claim "so may the daemon's user go on" setpriv --reuid=renewd --regid=renewd --clear-groups renewd resume
claim "reload works" systemctl reload renewd
claim "it is the same process" is MainPID "$pid"
claim "and active again" soon is ActiveState active
config "nonsense = 1"
claim "a bad config fails the reload" bash -c '! systemctl reload renewd 2>/dev/null'
claim "and is refused aloud" soon says nonsense
claim "and the daemon goes on with the old one" is MainPID "$pid"
claim "in good health" web /healthz 200
claim "as an active unit" is ActiveState active
config ""
claim "the mended config is taken" systemctl reload renewd

six() { local n; for n in 1 2 3 4 5 6; do systemctl restart renewd || return 1; done; }
claim "six restarts by a person lock nothing" six

claim "stop works" systemctl stop renewd
claim "the daemon ends with 0" is ExecMainStatus 0
claim "and systemd calls that a success" is Result success

config "nonsense = 1"
claim "a bad config does not start" bash -c '! systemctl start renewd 2>/dev/null'
claim "it ends with 2" is ExecMainStatus 2
sleep 1
claim "and is not tried again" is NRestarts 0
config ""

dropin watchdog "WatchdogSec=2s
RestartSec=200ms"
systemctl reset-failed renewd
claim "it starts again" systemctl start renewd
sleep 5
claim "the watchdog is fed while the loop moves" is NRestarts 0
pid=$(show MainPID)
kill -STOP "$pid"
claim "a daemon that hangs is replaced" soon isnt NRestarts 0
claim "by one that is ready" soon is ActiveState active
claim "stop works after that too" systemctl stop renewd

# The simulated provider says its key on purpose; the daemon may not.
journalctl -u renewd --no-pager -o export >/run/journal.txt
claim "the journal was read" grep -q renewd /run/journal.txt
claim "no secret is in the journal" bash -c "! grep -aq -e '$KEY' -e '$MAIL' /run/journal.txt"
claim "nor in anything that the daemon wrote" bash -c "! grep -raq -e '$KEY' -e '$MAIL' /var/lib/renewd"
echo "all claims hold"
